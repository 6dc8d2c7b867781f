"""An error of one handler leaves the other connections alone, or ends the server and raises the error.

API: trio.serve_tcp. Programs catch the errors of their handlers themselves.
"""

import sys
from functools import partial

import trio


async def handle(stream: trio.SocketStream) -> None:
    if await stream.receive_some(5) == b"raise":
        raise ValueError("planned")
    await stream.send_all(b"hello")


async def main() -> str:
    seen = "the error is lost"
    try:
        async with trio.open_nursery() as nursery:
            (listener,) = await nursery.start(partial(trio.serve_tcp, host="127.0.0.1"), handle, 0)
            port = listener.socket.getsockname()[1]
            culprit = await trio.open_tcp_stream("127.0.0.1", port)
            await culprit.send_all(b"raise")
            await trio.sleep(2)
    except* ValueError:
        seen = "the server ends and raises the error"
    return seen


seen = trio.run(main)
expected = "the server ends and raises the error"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
