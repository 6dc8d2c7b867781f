"""An error of one handler leaves the other connections alone.

API: asyncio.start_server.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    message = await reader.read(10)
    if message == b"raise":
        raise ValueError("planned")
    await asyncio.sleep(0.2)
    writer.write(message)
    writer.close()


async def main() -> str:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # it is reported
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    clients = [await asyncio.open_connection(*server.sockets[0].getsockname()) for _ in range(20)]
    for number, (_, writer) in enumerate(clients):
        writer.write(b"raise" if number == 10 else b"hello")
    others = [reader for number, (reader, _) in enumerate(clients) if number != 10]
    replies = await asyncio.wait_for(asyncio.gather(*(reader.read(10) for reader in others)), 5)
    return f"{replies.count(b'hello')} of 19 others are served"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "19 of 19 others are served"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
