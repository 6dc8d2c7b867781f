"""Clients that are connected and not yet accepted are told when the listener closes.

API: asyncio.start_server, Server.close.
Peer: a blocking socket that connects and reads.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    client = socket.create_connection(server.sockets[0].getsockname())  # the loop is not running meanwhile
    client.settimeout(0)
    server.close()
    await asyncio.sleep(0.3)
    try:
        client.recv(100)
    except BlockingIOError:
        return "the client still waits"
    except ConnectionResetError:
        pass
    return "the client gets an error"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the client gets an error"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
