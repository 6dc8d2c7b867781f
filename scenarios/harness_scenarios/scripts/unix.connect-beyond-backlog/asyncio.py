"""A client of a Unix socket whose backlog is full is connected, or gets an error.

API: asyncio.open_unix_connection.
"""

import asyncio
import socket
import sys
import tempfile
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    path = f"{tempfile.mkdtemp()}/s"
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(1)  # room for two
    for _ in range(2):
        await asyncio.open_unix_connection(path)
    try:
        _, writer = await asyncio.wait_for(asyncio.open_unix_connection(path), 1)
        writer.get_extra_info("socket").getpeername()
    except (BlockingIOError, TimeoutError):
        return "no connection"
    except OSError as exc:
        return f"a stream is returned, and is not connected: {exc}"
    return "a connection"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
print(f"expected: no connection\nseen:     {seen}")
sys.exit(seen != "no connection")
