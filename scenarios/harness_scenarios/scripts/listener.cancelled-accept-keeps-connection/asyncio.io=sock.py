"""A connection that arrives in the tick in which the accept is cancelled is not lost.

API: loop.sock_accept, Task.cancel.
Peer: a blocking socket that connects.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    loop = asyncio.get_running_loop()
    server = socket.create_server(("127.0.0.1", 0))
    server.setblocking(False)
    accepting = asyncio.ensure_future(loop.sock_accept(server))
    await asyncio.sleep(0.05)
    client = socket.create_connection(server.getsockname())
    await asyncio.sleep(0)  # the loop accepts ...
    accepting.cancel()  # ... and the task is cancelled before it runs with the result
    await asyncio.wait([accepting], timeout=3)
    try:
        await asyncio.wait_for(loop.sock_accept(server), 1)
    except TimeoutError:
        return "the connection is lost" if accepting.cancelled() else "the cancelled accept has it"
    return f"the next accept has it: {client.fileno() > 0}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the next accept has it: True"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
