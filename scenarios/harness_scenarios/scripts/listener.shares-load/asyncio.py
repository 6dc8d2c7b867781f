"""Two servers share a port with reuse_port=True, and every connection is accepted once.

API: asyncio.start_server(reuse_port=True).
Peer: 40 blocking sockets that connect.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    accepted = [0, 0]

    def count(index: int) -> None:
        accepted[index] += 1

    first = await asyncio.start_server(lambda *_: count(0), "127.0.0.1", 0, reuse_port=True)
    address = first.sockets[0].getsockname()
    await asyncio.start_server(lambda *_: count(1), *address, reuse_port=True)
    clients = [socket.create_connection(address) for _ in range(40)]
    await asyncio.sleep(0.3)
    return f"{len(clients)} connections, {sum(accepted)} accepted, each server has some: {all(accepted)}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "40 connections, 40 accepted, each server has some: True"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
