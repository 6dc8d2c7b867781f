"""A peer that does not read makes drain() wait, after far less than 64 MiB.

API: StreamWriter.write, StreamWriter.drain.
Peer: a blocking socket that never reads.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    server = socket.create_server(("127.0.0.1", 0))
    _reader, writer = await asyncio.open_connection(*server.getsockname())
    peer, _ = server.accept()
    for number in range(1024):
        writer.write(bytes(64 << 10))
        try:
            await asyncio.wait_for(writer.drain(), 1)
        except TimeoutError:
            print(f"drain waits after {number * 64} KiB")
            peer.close()
            return "drain waits"
    return "drain never waits"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "drain waits"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
