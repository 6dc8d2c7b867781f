"""Bytes that arrive as a read times out are there for the next read.

API: asyncio.timeout, StreamReader.read.
Peer: a blocking socket that sends while the loop is busy until after the deadline.
"""

import asyncio
import socket
import sys
import time
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    server = socket.create_server(("127.0.0.1", 0))
    reader, _writer = await asyncio.open_connection(*server.getsockname())
    peer, _ = server.accept()
    asyncio.get_running_loop().call_later(0.01, lambda: (peer.sendall(b"bytes"), time.sleep(0.05)))
    try:
        async with asyncio.timeout(0.03):
            return f"reads {await reader.read(100)!r}"
    except TimeoutError:
        return f"reads {await asyncio.wait_for(reader.read(100), 1)!r}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "reads b'bytes'"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
