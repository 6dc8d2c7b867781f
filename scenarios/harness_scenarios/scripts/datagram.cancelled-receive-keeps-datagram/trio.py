"""A receive that is cancelled beside a datagram has not taken it.

API: trio.socket, recvfrom.
"""

import sys

import trio
import trio.testing


async def main() -> bytes:
    near, far = (trio.socket.socket(type=trio.socket.SOCK_DGRAM) for _ in range(2))
    await near.bind(("127.0.0.1", 0))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(near.recvfrom, 10)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    await far.sendto(b"kept", near.getsockname())
    with trio.move_on_after(2):
        return await near.recv(10)
    return b""


seen = trio.run(main)
expected = b"kept"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
