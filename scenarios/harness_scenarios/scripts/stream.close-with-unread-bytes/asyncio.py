"""The peer sees a close although this side has not read everything.

API: StreamWriter.close.
Peer: a blocking socket that sends a message and then reads to the end.
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
    peer.sendall(b"never read")
    await asyncio.sleep(0.1)
    writer.write(b"reply")
    writer.close()
    await asyncio.wait_for(writer.wait_closed(), 3)
    try:
        return f"{peer.recv(100)!r}, then {peer.recv(100)!r}"
    except OSError as exc:
        return repr(exc)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "b'reply', then b''"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
