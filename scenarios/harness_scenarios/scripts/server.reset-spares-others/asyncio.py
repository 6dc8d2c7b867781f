"""A client that resets its connection leaves the other connections alone.

API: asyncio.start_server, Transport.abort.
"""

import asyncio
import socket
import struct
import sys
from asyncio import new_event_loop  # the event loop under test


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    message = await reader.readexactly(5)
    await asyncio.sleep(0.2)
    writer.write(message)
    writer.close()


async def main() -> str:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # it is reported
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    clients = [await asyncio.open_connection(*server.sockets[0].getsockname()) for _ in range(20)]
    for number, (_, writer) in enumerate(clients):
        sock = writer.get_extra_info("socket")
        if number == 10:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset
        writer.transport.abort() if number == 10 else writer.write(b"hello")
    others = [reader for number, (reader, _) in enumerate(clients) if number != 10]
    replies = await asyncio.wait_for(asyncio.gather(*(reader.read(10) for reader in others)), 5)
    return f"{replies.count(b'hello')} of 19 others are served"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "19 of 19 others are served"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
