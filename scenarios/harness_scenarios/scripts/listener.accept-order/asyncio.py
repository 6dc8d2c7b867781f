"""Waiting connections are accepted in the order in which they arrived.

API: asyncio.start_server.
Peer: eight blocking sockets that connect one after another and send their number.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    order = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        order.append(int(await reader.read(1)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    clients = [socket.create_connection(address) for _ in range(8)]  # the loop is not running meanwhile
    for number, client in enumerate(clients):
        client.sendall(b"%d" % number)
    await asyncio.sleep(0.3)
    return str(order)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "[0, 1, 2, 3, 4, 5, 6, 7]"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
