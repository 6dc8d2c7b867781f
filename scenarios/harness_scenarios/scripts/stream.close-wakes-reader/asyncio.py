"""A read that waits when this side closes the stream returns b''.

API: StreamReader.read, StreamWriter.close.
Peer: a blocking socket that sends nothing.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    server = socket.create_server(("127.0.0.1", 0))
    reader, writer = await asyncio.open_connection(*server.getsockname())
    peer, _ = server.accept()
    reading = asyncio.create_task(reader.read(100))
    await asyncio.sleep(0.1)
    writer.close()
    done, _ = await asyncio.wait([reading], timeout=3)
    peer.close()
    return f"the read returns {reading.result()!r}" if done else "the read never returns"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the read returns b''"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
