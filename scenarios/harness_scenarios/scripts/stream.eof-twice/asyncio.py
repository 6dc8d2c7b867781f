"""A stream at its end returns b'' each time it is read.

API: StreamReader.read.
Peer: a blocking socket that sends and half-closes.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    server = socket.create_server(("127.0.0.1", 0))
    reader, _writer = await asyncio.open_connection(*server.getsockname())
    peer, _ = server.accept()
    peer.sendall(b"last")
    peer.shutdown(socket.SHUT_WR)
    return repr([await asyncio.wait_for(reader.read(100), 3) for _ in range(4)])


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "[b'last', b'', b'', b'']"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
