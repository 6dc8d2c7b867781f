"""Bytes that arrived before a reset are delivered before the error.

API: asyncio.open_connection, StreamReader.read.
Peer: a blocking socket that sends, and 0.1 s later closes with SO_LINGER(1, 0), which sends RST.
"""

import asyncio
import socket
import struct
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    server = socket.create_server(("127.0.0.1", 0))
    reader, _writer = await asyncio.open_connection(*server.getsockname())
    peer, _ = server.accept()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.sendall(b"last words")
    await asyncio.sleep(0.1)
    peer.close()
    await asyncio.sleep(0.1)
    try:
        return repr(await asyncio.wait_for(reader.read(100), 3))
    except (OSError, TimeoutError) as exc:
        return repr(exc)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "b'last words'"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
