"""Two messages that two tasks write at once arrive whole, one behind the other.

API: StreamWriter.write, StreamWriter.drain.
Peer: a blocking socket in a thread that reads 16 MiB.
"""

import asyncio
import itertools
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


def read_runs(peer: socket.socket) -> str:
    data = b"".join(peer.recv(1 << 20, socket.MSG_WAITALL) for _ in range(16))
    return "".join(letter for letter, _ in itertools.groupby(data.decode()))


async def send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


async def main() -> str:
    server = socket.create_server(("127.0.0.1", 0))
    _reader, writer = await asyncio.open_connection(*server.getsockname())
    peer, _ = server.accept()
    sends = asyncio.gather(*(send(writer, letter * (8 << 20)) for letter in (b"a", b"b")))
    runs = await asyncio.wait_for(asyncio.to_thread(read_runs, peer), 10)
    await asyncio.wait_for(sends, 3)
    return runs


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "ab"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
