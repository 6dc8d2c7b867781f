"""A program that closes its server, waits for it and ends does not cut the reply in flight.

API: asyncio.Server.close, Server.wait_closed.
Peer: a client that begins to read when the program has ended.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test

SIZE = 32_000_000  # more than the buffers of the system hold


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(bytes(SIZE))
    await writer.drain()
    writer.close()


async def main() -> str:
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    client = socket.create_connection(server.sockets[0].getsockname(), timeout=1)
    await asyncio.sleep(0.1)
    server.close()
    stopped = asyncio.create_task(server.wait_closed())
    done, _ = await asyncio.wait([stopped], timeout=0.5)
    client.close()
    return "the server stops while a reply is in flight" if done else "the server waits for the reply"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the server waits for the reply"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
