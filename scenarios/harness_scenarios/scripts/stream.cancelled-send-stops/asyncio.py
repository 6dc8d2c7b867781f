"""A cancelled drain() takes nothing back: written bytes go out.

API: StreamWriter.write, StreamWriter.drain, Task.cancel.
Peer: a blocking socket in a thread that reads after the cancellation.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


def count(peer: socket.socket, left: int) -> int:
    peer.settimeout(3)
    while left > 0:
        left -= len(peer.recv(1 << 20))
    return left


async def main() -> str:
    server = socket.create_server(("127.0.0.1", 0))
    _reader, writer = await asyncio.open_connection(*server.getsockname())
    peer, _ = server.accept()
    writer.write(bytes(32 << 20))
    draining = asyncio.create_task(writer.drain())
    await asyncio.sleep(0.1)
    draining.cancel()
    await asyncio.wait([draining], timeout=3)
    left = await asyncio.to_thread(count, peer, 32 << 20)
    return f"cancelled: {draining.cancelled()}; bytes missing: {left}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "cancelled: True; bytes missing: 0"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
