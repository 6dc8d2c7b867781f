"""Bytes that arrive as a read times out are there for the next read.

API: asyncio.timeout, loop.sock_recv.
Peer: a blocking socket that sends while the loop is busy until after the deadline.
"""

import asyncio
import select
import socket
import sys
import time
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    loop = asyncio.get_running_loop()
    server = socket.create_server(("127.0.0.1", 0))
    peer = socket.create_connection(server.getsockname())
    sock, _ = server.accept()
    sock.setblocking(False)
    lost = 0
    for _ in range(20):
        loop.call_later(0.001, lambda: (peer.sendall(b"x"), time.sleep(0.005)))
        try:
            async with asyncio.timeout(0.003):
                await loop.sock_recv(sock, 100)
        except TimeoutError:
            lost += not select.select([sock], [], [], 0)[0] or not sock.recv(100)
    return f"reads that time out and lose their byte: {lost} of 20"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "reads that time out and lose their byte: 0 of 20"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
