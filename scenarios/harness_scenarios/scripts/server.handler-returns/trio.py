"""The bytes that a handler has sent arrive, and its connection is closed when it returns.

API: trio.serve_tcp.
"""

import sys
from functools import partial

import trio


async def handle(stream: trio.SocketStream) -> None:
    await stream.send_all(await stream.receive_some(10))


async def main() -> str:
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, host="127.0.0.1"), handle, 0)
        client = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
        await client.send_all(b"hello")
        received = await client.receive_some(10)
        with trio.move_on_after(1):
            received += await client.receive_some(10) or b", closed"
        nursery.cancel_scope.cancel()
    return received.decode()


seen = trio.run(main)
expected = "hello, closed"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
