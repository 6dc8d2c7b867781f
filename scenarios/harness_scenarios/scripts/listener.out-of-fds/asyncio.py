"""Clients that connect while no descriptor is left are served when there are some again.

API: asyncio.start_server.
Peer: a blocking socket that connects while the process has no descriptor left.
"""

import asyncio
import os
import resource
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    server = await asyncio.start_server(lambda reader, writer: writer.write(b"welcome"), "127.0.0.1", 0)
    client, limits = socket.socket(), resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, limits[1]))  # no descriptor is left
    client.connect(server.sockets[0].getsockname())
    await asyncio.sleep(0.2)
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    client.setblocking(False)
    await asyncio.sleep(1.5)  # asyncio looks again after a second
    try:
        return repr(client.recv(100))
    except BlockingIOError:
        return "nothing"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "b'welcome'"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
