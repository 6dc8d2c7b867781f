"""A second receive from a socket is refused, and the first one gets the datagram.

API: trio.socket, recvfrom, trio.BusyResourceError.
"""

import sys

import trio


async def main() -> list[bytes]:
    near, far = (trio.socket.socket(type=trio.socket.SOCK_DGRAM) for _ in range(2))
    await near.bind(("127.0.0.1", 0))
    seen = []

    async def receive() -> None:
        try:
            seen.append((await near.recvfrom(10))[0])
        except trio.BusyResourceError:
            seen.append(b"busy")
            await far.sendto(b"hello", near.getsockname())

    with trio.move_on_after(2):
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(receive)
    return seen


seen = trio.run(main)
expected = [b"busy", b"hello"]
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
