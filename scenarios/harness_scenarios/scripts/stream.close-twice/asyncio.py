"""Closing a closed stream does nothing.

API: StreamWriter.close, StreamWriter.wait_closed.
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
    try:
        for _ in range(2):
            writer.close()
            await asyncio.wait_for(writer.wait_closed(), 3)
    except (OSError, RuntimeError) as exc:
        return repr(exc)
    peer.close()
    return "both calls return"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "both calls return"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
