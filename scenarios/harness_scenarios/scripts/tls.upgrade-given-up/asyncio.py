"""A stream whose start_tls() was cancelled can be closed and waited for.

API: StreamWriter.start_tls, StreamWriter.wait_closed.
Peer: a listening socket that sends nothing.
"""

import asyncio
import socket
import ssl
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    listener = socket.create_server(("127.0.0.1", 0))
    _, writer = await asyncio.open_connection(*listener.getsockname())
    try:
        async with asyncio.timeout(0.1):
            await writer.start_tls(ssl.create_default_context(), server_hostname="a.test")
    except TimeoutError:
        writer.close()
    done, _ = await asyncio.wait([asyncio.create_task(writer.wait_closed())], timeout=2)
    return "wait_closed returns" if done else "wait_closed never returns"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "wait_closed returns"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
