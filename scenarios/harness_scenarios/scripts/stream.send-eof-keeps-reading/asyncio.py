"""After write_eof() this side can still read.

API: StreamWriter.write_eof, StreamReader.read.
Peer: a blocking socket that reads to the end, then replies.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    server = socket.create_server(("127.0.0.1", 0))
    reader, writer = await asyncio.open_connection(*server.getsockname())
    peer, _ = server.accept()
    peer.settimeout(3)
    writer.write(b"request")
    writer.write_eof()
    await asyncio.sleep(0.1)
    request, end = peer.recv(100), peer.recv(100)
    peer.sendall(b"reply")
    reply = await asyncio.wait_for(reader.read(100), 3)
    return f"the peer reads {request!r}, {end!r}; this side reads {reply!r}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the peer reads b'request', b''; this side reads b'reply'"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
