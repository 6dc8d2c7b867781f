"""A read after close() does not wait: it returns what had arrived before.

API: StreamWriter.close, StreamReader.read.
Peer: a blocking socket that sends a message.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    server = socket.create_server(("127.0.0.1", 0))
    reader, writer = await asyncio.open_connection(*server.getsockname())
    peer, _ = server.accept()
    peer.sendall(b"unread")
    await asyncio.sleep(0.1)
    writer.close()
    await asyncio.wait_for(writer.wait_closed(), 3)
    try:
        return repr(await asyncio.wait_for(reader.read(100), 3))
    except (OSError, TimeoutError) as exc:
        return repr(exc)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "b'unread'"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
