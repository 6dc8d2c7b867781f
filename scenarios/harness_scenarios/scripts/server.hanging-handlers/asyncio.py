"""A client is served while the handlers of 19 others hang.

API: asyncio.start_server.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    message = await reader.read(10)
    if message == b"hang":
        await asyncio.sleep(60)
    writer.write(message)


async def main() -> str:
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    for message in (*[b"hang"] * 19, b"hello"):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(message)
    try:
        return f"the reply is {await asyncio.wait_for(reader.read(10), 2)}"
    except TimeoutError:
        return "the client is not served"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the reply is b'hello'"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
