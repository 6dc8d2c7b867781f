"""A send in a cancelled scope sends nothing.

API: trio.socket, sendto.
"""

import sys

import trio


async def main() -> bytes:
    near, far = (trio.socket.socket(type=trio.socket.SOCK_DGRAM) for _ in range(2))
    await near.bind(("127.0.0.1", 0))
    with trio.CancelScope() as scope:
        scope.cancel()
        await far.sendto(b"cancelled", near.getsockname())
    await far.sendto(b"next", near.getsockname())
    with trio.move_on_after(2):
        return await near.recv(20)
    return b""


seen = trio.run(main)
expected = b"next"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
