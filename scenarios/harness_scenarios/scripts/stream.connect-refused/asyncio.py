"""Connecting to a port without a listener raises ConnectionRefusedError.

API: asyncio.open_connection.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # reserved, but nothing listens
        try:
            await asyncio.wait_for(asyncio.open_connection(*unused.getsockname()), 3)
        except OSError as exc:
            return f"{type(exc).__name__}, errno {exc.errno}"
    return "connected"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "ConnectionRefusedError, errno 111"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
