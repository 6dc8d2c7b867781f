"""A write after write_eof() raises RuntimeError.

API: StreamWriter.write_eof, StreamWriter.write.
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
    writer.write_eof()
    try:
        writer.write(b"late")
    except RuntimeError as exc:
        print(f"raised    {exc!r}")
        return "RuntimeError"
    await asyncio.sleep(0.1)
    return f"write returns, and the peer reads {peer.recv(100)!r}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "RuntimeError"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
