"""A stream can be closed after the peer has reset the connection, and its descriptor is freed.

API: StreamWriter.close, StreamWriter.wait_closed.
Peer: a blocking socket that closes with SO_LINGER(1, 0), which sends RST.
"""

import asyncio
import contextlib
import os
import socket
import struct
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    server = socket.create_server(("127.0.0.1", 0))
    _reader, writer = await asyncio.open_connection(*server.getsockname())
    peer, _ = server.accept()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    fd = writer.get_extra_info("socket").fileno()
    peer.close()
    await asyncio.sleep(0.1)
    writer.close()
    with contextlib.suppress(ConnectionError):  # wait_closed may repeat the error of the connection
        await asyncio.wait_for(writer.wait_closed(), 3)
    await asyncio.sleep(0.1)
    return f"descriptor open: {os.path.exists(f'/dev/fd/{fd}')}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "descriptor open: False"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
