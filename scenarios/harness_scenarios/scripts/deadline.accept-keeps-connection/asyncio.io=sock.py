"""A connection that arrives as an accept times out is there for the next accept.

API: asyncio.timeout, loop.sock_accept.
Peer: a blocking socket that connects while the loop is busy until after the deadline.
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
    server.setblocking(False)
    address, clients, lost = server.getsockname(), [], 0
    for _ in range(20):
        loop.call_later(0.001, lambda: (clients.append(socket.create_connection(address)), time.sleep(0.005)))
        try:
            async with asyncio.timeout(0.003):
                await loop.sock_accept(server)
        except TimeoutError:
            lost += not select.select([server], [], [], 0)[0] or not server.accept()
    return f"accepts that time out and lose their connection: {lost} of 20"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "accepts that time out and lose their connection: 0 of 20"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
