"""A read that waits when the peer resets the connection ends with ConnectionResetError.

API: asyncio.open_connection, StreamReader.read.
Peer: a blocking socket that closes with SO_LINGER(1, 0), which sends RST.
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
    asyncio.get_running_loop().call_later(0.1, peer.close)
    try:
        return f"returned {await asyncio.wait_for(reader.read(100), 3)!r}"
    except (OSError, TimeoutError) as exc:
        return repr(exc)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "ConnectionResetError(104, 'Connection reset by peer')"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
