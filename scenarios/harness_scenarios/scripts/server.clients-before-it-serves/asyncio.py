"""A client that connects before the server serves is served later.

API: asyncio.start_server(start_serving=False), Server.serve_forever.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read(10))


async def main() -> str:
    listener = socket.create_server(("127.0.0.1", 0))  # bound, and it listens
    client = socket.create_connection(listener.getsockname())
    client.send(b"hello")
    server = await asyncio.start_server(handle, sock=listener, start_serving=False)
    serves = asyncio.create_task(server.serve_forever())
    client.setblocking(False)
    try:
        reply = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 10), 2)
    except TimeoutError:
        return "the client is not served"
    serves.cancel()
    return f"the client is served: {reply}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the client is served: b'hello'"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
