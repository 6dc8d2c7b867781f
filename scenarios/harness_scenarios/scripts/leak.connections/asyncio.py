"""Connections that are opened and closed leave no descriptor behind.

API: asyncio.start_server, asyncio.open_connection, StreamWriter.close.
"""

import asyncio
import contextlib
import os
import sys
from asyncio import new_event_loop  # the event loop under test


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read(1))
    writer.close()


async def main() -> str:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    before = len(os.listdir("/dev/fd"))
    for _ in range(50):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"x")
        await asyncio.wait_for(reader.read(1), 3)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(writer.wait_closed(), 3)
    await asyncio.sleep(0.1)
    return f"descriptors left of 50 connections: {len(os.listdir('/dev/fd')) - before}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "descriptors left of 50 connections: 0"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
