"""Listening on a taken port raises OSError with EADDRINUSE.

API: asyncio.start_server.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    with socket.create_server(("127.0.0.1", 0)) as first:
        try:
            await asyncio.start_server(lambda *streams: None, *first.getsockname())
        except OSError as exc:
            return f"OSError, errno {exc.errno}"
    return "listens as well"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "OSError, errno 98"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
