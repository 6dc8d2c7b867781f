"""Clients that were not accepted when a server is closed are told.

API: asyncio.start_server(start_serving=False), Server.close.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    listener = socket.create_server(("127.0.0.1", 0))  # bound, and it listens
    server = await asyncio.start_server(lambda reader, writer: None, sock=listener, start_serving=False)
    clients = [socket.create_connection(listener.getsockname(), timeout=1) for _ in range(4)]
    server.close()
    await asyncio.sleep(0.05)
    told = 0
    for client in clients:
        try:
            told += client.recv(10) == b""
        except ConnectionResetError:
            told += 1
        except TimeoutError:
            break
    return f"{told} of 4 clients are told"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "4 of 4 clients are told"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
