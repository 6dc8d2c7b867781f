"""A task in serve_forever that is cancelled ends, and the server accepts no more.

API: asyncio.Server.serve_forever, Task.cancel.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    task = asyncio.create_task(server.serve_forever())
    await asyncio.sleep(0.05)
    try:
        socket.create_connection(address).close()
    except ConnectionRefusedError:
        return "the first client is refused, although the server serves"
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=1)
    if not done:
        return "serve_forever does not end"
    try:
        socket.create_connection(address).close()
    except ConnectionRefusedError:
        return "serve_forever ends, and clients are refused"
    return "serve_forever ends, and the server still accepts"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "serve_forever ends, and clients are refused"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
