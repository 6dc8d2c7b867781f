"""Two tasks accept on one socket: each of two clients is accepted.

API: loop.sock_accept.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    server = socket.create_server(("127.0.0.1", 0))
    server.setblocking(False)
    loop = asyncio.get_running_loop()
    accepting = []
    for _ in range(2):
        accepting.append(asyncio.ensure_future(loop.sock_accept(server)))
        await asyncio.sleep(0.05)
    clients = [socket.create_connection(server.getsockname()) for _ in accepting]
    done, waiting = await asyncio.wait(accepting, timeout=0.3)
    for task in waiting:
        task.cancel()
    return f"{len(done)} of {len(clients)} clients are accepted"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "2 of 2 clients are accepted"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
