"""After the peer has half-closed, this side can still send.

API: StreamReader.read, StreamWriter.write.
Peer: a blocking socket that half-closes and then reads.
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
    peer.shutdown(socket.SHUT_WR)
    end = await asyncio.wait_for(reader.read(100), 3)
    writer.write(b"reply")
    await asyncio.sleep(0.1)
    try:
        return f"reads {end!r}, the peer gets {peer.recv(100)!r}"
    except OSError as exc:
        return f"reads {end!r}, the peer gets {exc!r}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "reads b'', the peer gets b'reply'"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
