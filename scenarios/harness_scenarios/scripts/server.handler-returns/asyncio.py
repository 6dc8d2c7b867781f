"""A handler that returns without closing its connection: the bytes it has written arrive.

API: asyncio.start_server. Whether the connection is then closed differs between versions of Python.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read(10))


async def main() -> str:
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"hello")
    reply = await asyncio.wait_for(reader.read(10), 2)
    try:
        await asyncio.wait_for(reader.read(1), 0.5)
        end = "closed"
    except TimeoutError:
        end = "left open"
    return f"{reply.decode()} arrives (the connection is {end})"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
print(f"expected: hello arrives\nseen:     {seen}")
sys.exit(not seen.startswith("hello arrives"))
