"""A write of no bytes sends nothing and breaks nothing.

API: StreamWriter.write.
Peer: a blocking socket that reads.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    server = socket.create_server(("127.0.0.1", 0))
    _reader, writer = await asyncio.open_connection(*server.getsockname())
    peer, _ = server.accept()
    peer.settimeout(3)
    for data in (b"", b"message"):
        writer.write(data)
        await asyncio.wait_for(writer.drain(), 3)
    await asyncio.sleep(0.1)
    return repr(peer.recv(100))


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "b'message'"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
