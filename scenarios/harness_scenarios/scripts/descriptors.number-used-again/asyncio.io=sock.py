"""A new connection works, also if it has the number of a socket that was closed while a task read it.

API: loop.sock_recv, loop.sock_connect.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def connect(address: tuple[str, int]) -> socket.socket:
    client = socket.socket()
    client.setblocking(False)
    await asyncio.get_running_loop().sock_connect(client, address)
    return client


async def main() -> str:
    server = socket.create_server(("127.0.0.1", 0))
    old = await connect(server.getsockname())
    reading = asyncio.ensure_future(asyncio.get_running_loop().sock_recv(old, 10))
    await asyncio.sleep(0.05)
    old.close()
    try:
        await connect(server.getsockname())
    except OSError as exc:
        return f"the new connection fails: {exc!r}"
    finally:
        reading.cancel()
    return "it is connected"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
print(f"expected: it is connected\nseen:     {seen}")
sys.exit(seen != "it is connected")
