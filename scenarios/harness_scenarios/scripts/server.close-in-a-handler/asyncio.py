"""A handler that closes its own server can still reply.

API: asyncio.Server.close, called by a handler.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        message = await reader.read(10)
        server.close()
        writer.write(message)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"hello")
    try:
        return f"the client gets {await asyncio.wait_for(reader.read(10), 2)}"
    except (TimeoutError, ConnectionError) as exc:
        return f"the client gets {type(exc).__name__}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the client gets b'hello'"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
