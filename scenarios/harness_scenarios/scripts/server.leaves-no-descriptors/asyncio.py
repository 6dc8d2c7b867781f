"""A server keeps no descriptor of a connection that both sides have left.

API: asyncio.start_server, StreamWriter.close.
"""

import asyncio
import os
import sys
from asyncio import new_event_loop  # the event loop under test


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read(10))
    writer.close()


async def main() -> str:
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    before = len(os.listdir("/dev/fd"))
    for _ in range(30):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"hello")
        await reader.read(10)
        writer.close()
    await asyncio.sleep(0.1)
    left = len(os.listdir("/dev/fd")) - before
    return "descriptors are left" if left > 7 else "no descriptor is left"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "no descriptor is left"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
