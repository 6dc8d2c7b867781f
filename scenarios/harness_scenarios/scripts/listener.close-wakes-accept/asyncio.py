"""serve_forever() ends when another task closes the server.

API: Server.serve_forever, Server.close.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    server = await asyncio.start_server(lambda *streams: None, "127.0.0.1", 0)
    serving = asyncio.create_task(server.serve_forever())
    await asyncio.sleep(0.1)
    server.close()
    await asyncio.wait([serving], timeout=3)
    return "serve_forever has ended" if serving.done() else "serve_forever goes on"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "serve_forever has ended"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
