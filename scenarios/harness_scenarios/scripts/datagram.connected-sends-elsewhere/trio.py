"""A connected socket sends to another address where it is given one.

API: trio.socket, sendto.
"""

import sys

import trio


async def main() -> bytes:
    peer, other, near = (trio.socket.socket(type=trio.socket.SOCK_DGRAM) for _ in range(3))
    for sock in (peer, other):
        await sock.bind(("127.0.0.1", 0))
    await near.connect(peer.getsockname())
    await near.sendto(b"elsewhere", other.getsockname())
    with trio.move_on_after(2):
        return await other.recv(20)
    return b""


seen = trio.run(main)
expected = b"elsewhere"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
