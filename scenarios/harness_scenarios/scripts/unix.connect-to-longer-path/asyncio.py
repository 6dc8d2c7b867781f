"""A client that connects to a path that is too long for a Unix socket gets an error.

API: asyncio.open_unix_connection.
"""

import asyncio
import os
import socket
import sys
import tempfile
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    folder = tempfile.mkdtemp(dir="/tmp")
    too_long = f"{folder}/{'x' * 150}"
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"{folder}/s")
    server.listen()
    os.rename(f"{folder}/s", too_long[:108])  # of another server
    try:
        await asyncio.open_unix_connection(too_long)
    except OSError:
        return "an error"
    return "the client is connected to another server"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
print(f"expected: an error\nseen:     {seen}")
sys.exit(seen != "an error")
