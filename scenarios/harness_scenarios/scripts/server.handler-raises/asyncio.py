"""The bytes that a handler has sent arrive, also if the handler then raises.

API: asyncio.start_server.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read(10))
    raise ValueError("planned")


async def main() -> str:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # it is reported
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"hello")
    return f"{(await asyncio.wait_for(reader.read(10), 2)).decode()} arrives"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "hello arrives"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
