"""A drain that waits for a silent peer ends with a ConnectionError when the peer resets.

API: StreamWriter.write, StreamWriter.drain.
Peer: a blocking socket that never reads and closes with SO_LINGER(1, 0), which sends RST.
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
    writer.write(bytes(32 << 20))
    asyncio.get_running_loop().call_later(0.1, peer.close)
    try:
        await asyncio.wait_for(writer.drain(), 3)
    except ConnectionError as exc:
        print(f"raised    {exc!r}")
        return "drain raises a ConnectionError"
    except (OSError, TimeoutError) as exc:
        return f"drain raises {exc!r}"
    return "drain returns"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "drain raises a ConnectionError"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
