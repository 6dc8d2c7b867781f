"""A server that SIGTERM closes answers the requests in flight.

API: asyncio.Server.close, loop.add_signal_handler.
"""

import asyncio
import os
import signal
import sys
from asyncio import new_event_loop  # the event loop under test


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    message = await reader.read(10)
    await asyncio.sleep(0.2)
    writer.write(message)
    writer.close()


async def main() -> str:
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.close)
    clients = [await asyncio.open_connection(*server.sockets[0].getsockname()) for _ in range(20)]
    for _, writer in clients:
        writer.write(b"hello")
    await asyncio.sleep(0.1)
    os.kill(os.getpid(), signal.SIGTERM)
    replies = await asyncio.wait_for(asyncio.gather(*(reader.read(10) for reader, _ in clients)), 5)
    return f"{replies.count(b'hello')} of 20 requests are answered, serving: {server.is_serving()}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "20 of 20 requests are answered, serving: False"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
