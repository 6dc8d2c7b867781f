"""Bytes written before close() arrive, and then the end of stream.

API: StreamWriter.write, StreamWriter.close.
Peer: a blocking socket in a thread that reads to the end.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


def read_all(peer: socket.socket) -> str:
    peer.settimeout(3)
    count = 0
    try:
        while data := peer.recv(1 << 20):
            count += len(data)
    except OSError as exc:
        return f"{count} bytes, then {exc!r}"
    return f"{count} bytes, then the end of stream"


async def main() -> str:
    server = socket.create_server(("127.0.0.1", 0))
    _reader, writer = await asyncio.open_connection(*server.getsockname())
    peer, _ = server.accept()
    writer.write(bytes(8 << 20))
    writer.close()
    return await asyncio.to_thread(read_all, peer)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "8388608 bytes, then the end of stream"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
