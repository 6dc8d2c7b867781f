"""A drain that waits when this side closes the stream ends once the peer has read everything.

API: StreamWriter.drain, StreamWriter.close.
Peer: a blocking socket in a thread that reads 16 MiB after the close.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


def read_all(peer: socket.socket, left: int) -> None:
    while left > 0:
        left -= len(peer.recv(1 << 20))


async def main() -> str:
    server = socket.create_server(("127.0.0.1", 0))
    _reader, writer = await asyncio.open_connection(*server.getsockname())
    peer, _ = server.accept()
    writer.write(bytes(16 << 20))
    draining = asyncio.create_task(writer.drain())
    await asyncio.sleep(0.1)
    writer.close()
    waits = not draining.done()
    await asyncio.wait_for(asyncio.to_thread(read_all, peer, 16 << 20), 5)
    done, _ = await asyncio.wait([draining], timeout=3)
    return f"drain waits: {waits}; it ends: {bool(done)}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "drain waits: True; it ends: True"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
