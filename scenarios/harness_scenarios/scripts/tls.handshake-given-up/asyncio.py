"""A TLS server that is closed closes the connections whose handshake is not over.

API: asyncio.start_server with ssl=, Server.close.
Peer: a socket that connects and sends nothing.
"""

import asyncio
import socket
import ssl
import sys
from asyncio import new_event_loop  # the event loop under test


def read_end(peer: socket.socket) -> str:
    try:
        peer.recv(100)
    except TimeoutError:
        return "the connection stays open"
    except ConnectionResetError:
        pass
    return "the connection is closed"


async def main() -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0, ssl=context)
    peer = socket.create_connection(server.sockets[0].getsockname(), timeout=1)
    await asyncio.sleep(0.1)  # it is accepted
    server.close()
    return await asyncio.to_thread(read_end, peer)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the connection is closed"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
