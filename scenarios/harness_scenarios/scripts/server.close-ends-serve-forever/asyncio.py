"""A server that is closed while a task waits in serve_forever ends that wait.

API: asyncio.Server.serve_forever, Server.close (MagicStack/uvloop#602).
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    task = asyncio.create_task(server.serve_forever())
    await asyncio.sleep(0.05)
    server.close()
    done, _ = await asyncio.wait([task], timeout=1)
    return "serve_forever ends" if done else "serve_forever does not end"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "serve_forever ends"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
