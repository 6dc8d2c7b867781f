"""A server that has just served a client can be started again on its address.

API: asyncio.start_server, Server.close.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def serve_once(port: int) -> int:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()  # first, so that the address is in TIME_WAIT

    server = await asyncio.start_server(handle, "127.0.0.1", port)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.read()
    writer.close()
    await asyncio.sleep(0.05)
    server.close()
    return port


async def main() -> str:
    try:
        await serve_once(await serve_once(0))
    except OSError as exc:
        return f"the server does not start again: {exc}"
    return "the server starts again"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the server starts again"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
