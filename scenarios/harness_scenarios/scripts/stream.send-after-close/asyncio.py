"""A write on a closed stream does not look as if it had worked.

API: StreamWriter.close, StreamWriter.write, StreamWriter.drain.
Peer: a blocking socket.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    server = socket.create_server(("127.0.0.1", 0))
    _reader, writer = await asyncio.open_connection(*server.getsockname())
    peer, _ = server.accept()
    writer.close()
    await asyncio.wait_for(writer.wait_closed(), 3)
    try:
        writer.write(b"late")
        await asyncio.wait_for(writer.drain(), 3)
    except (ConnectionError, RuntimeError) as exc:
        print(f"raised    {exc!r}")
        peer.close()
        return "an error"
    return "write and drain return"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "an error"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
