"""A server can be started again at once on its port (SO_REUSEADDR is set).

API: asyncio.start_server.
Peer: a blocking socket that connects and reads to the end.
"""

import asyncio
import contextlib
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    reuses = server.sockets[0].getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
    with socket.create_connection(address) as client:
        client.settimeout(1)
        await asyncio.sleep(0.1)
        with contextlib.suppress(TimeoutError):
            client.recv(100)  # the server has closed first, so its port has a connection in TIME_WAIT
    server.close()
    await asyncio.sleep(0.1)
    try:
        (await asyncio.start_server(lambda *streams: None, *address)).close()
    except OSError as exc:
        return f"SO_REUSEADDR {reuses}, {exc!r}"
    return f"SO_REUSEADDR {reuses}, listens again"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "SO_REUSEADDR 1, listens again"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
