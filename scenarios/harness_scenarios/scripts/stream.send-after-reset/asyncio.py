"""A write on a connection that the peer has reset raises a ConnectionError.

API: StreamWriter.write, StreamWriter.drain.
Peer: a blocking socket that closes with SO_LINGER(1, 0), which sends RST.
"""

import asyncio
import socket
import struct
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    server = socket.create_server(("127.0.0.1", 0))
    _reader, writer = await asyncio.open_connection(*server.getsockname())
    peer, _ = server.accept()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    try:
        for _ in range(5):
            await asyncio.sleep(0.05)
            writer.write(b"still there?")
            await asyncio.wait_for(writer.drain(), 3)
    except ConnectionError:
        return "a ConnectionError"
    except (OSError, RuntimeError) as exc:
        return repr(exc)
    return "each of 5 writes seems to succeed"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "a ConnectionError"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
