"""A server without a free descriptor waits; it does not spin.

API: asyncio.start_server.
Peer: a blocking socket that connects while the process has no descriptor left.
"""

import asyncio
import os
import resource
import socket
import sys
import time
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    server = await asyncio.start_server(lambda *streams: None, "127.0.0.1", 0)
    asyncio.get_running_loop().set_exception_handler(lambda *context: None)  # a log of errors takes time too
    client, limits = socket.socket(), resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, limits[1]))  # no descriptor is left
    client.connect(server.sockets[0].getsockname())
    await asyncio.sleep(0.1)
    before = time.process_time()
    await asyncio.sleep(2)
    spent = time.process_time() - before
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    return f"spins ({spent:.2f} s of CPU in 2 s)" if spent > 0.05 else "waits"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "waits"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
