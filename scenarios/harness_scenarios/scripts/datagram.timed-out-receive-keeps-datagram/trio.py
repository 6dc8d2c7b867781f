"""A receive that times out has not taken the next datagram.

API: trio.socket, recvfrom, trio.move_on_after.
"""

import sys

import trio


async def main() -> bytes:
    near, far = (trio.socket.socket(type=trio.socket.SOCK_DGRAM) for _ in range(2))
    await near.bind(("127.0.0.1", 0))
    with trio.move_on_after(0.05):
        await near.recvfrom(10)
    await far.sendto(b"kept", near.getsockname())
    with trio.move_on_after(2):
        return await near.recv(10)
    return b""


seen = trio.run(main)
expected = b"kept"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
