"""A client gets a ConnectionRefusedError if each address of a host refuses, be it one or two.

API: asyncio.open_connection (gh-74166).
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test

found = socket.getaddrinfo("127.0.0.1", 1, type=socket.SOCK_STREAM) + socket.getaddrinfo(
    "127.0.0.2", 1, type=socket.SOCK_STREAM
)
socket.getaddrinfo = lambda *address, **options: found


async def main() -> str:
    try:
        await asyncio.open_connection("localhost", 1)
    except ConnectionRefusedError:
        return "ConnectionRefusedError"
    except OSError as exc:
        return f"{exc!r}, errno {exc.errno}"
    return "a connection"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
print(f"expected: ConnectionRefusedError\nseen:     {seen}")
sys.exit(seen != "ConnectionRefusedError")
