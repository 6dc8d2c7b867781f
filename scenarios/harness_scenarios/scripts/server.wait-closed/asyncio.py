"""A closed server whose handlers have all returned is closed, whatever its clients do.

API: asyncio.Server.wait_closed (python/cpython#79033); the handler returns without closing its writer.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read(10))


async def main() -> str:
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    client = socket.create_connection(server.sockets[0].getsockname())
    client.send(b"hello")
    await asyncio.sleep(0.1)
    server.close()
    done, _ = await asyncio.wait([asyncio.create_task(server.wait_closed())], timeout=1)
    client.close()
    return "wait_closed returns" if done else "wait_closed does not return"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "wait_closed returns"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
