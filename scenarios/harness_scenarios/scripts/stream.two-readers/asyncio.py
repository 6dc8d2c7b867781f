"""A second task that reads a stream gets an error at once; the first one gets the bytes.

API: StreamReader.read.
Peer: a blocking socket that sends one message.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    server = socket.create_server(("127.0.0.1", 0))
    reader, _writer = await asyncio.open_connection(*server.getsockname())
    peer, _ = server.accept()
    first = asyncio.create_task(reader.read(100))
    second = asyncio.create_task(reader.read(100))
    await asyncio.sleep(0.1)
    peer.sendall(b"message")
    await asyncio.wait([first, second], timeout=3)
    ends = (task.exception() or task.result() if task.done() else "never ends" for task in (first, second))
    return ", ".join(end.__class__.__name__ if isinstance(end, Exception) else repr(end) for end in ends)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "b'message', RuntimeError"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
