"""Closing a server leaves accepted connections alone.

API: asyncio.start_server, Server.close.
Peer: a blocking socket that stays connected.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    accepted = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(lambda *streams: accepted.set_result(streams), "127.0.0.1", 0)
    client = socket.create_connection(server.sockets[0].getsockname())
    reader, writer = await asyncio.wait_for(accepted, 3)
    server.close()
    await asyncio.sleep(0.1)
    client.sendall(b"request")
    try:
        request = await asyncio.wait_for(reader.read(100), 3)
        writer.write(b"reply")
        await asyncio.sleep(0.1)
        client.settimeout(0)
        return f"the server reads {request!r}, the client reads {client.recv(100)!r}"
    except (OSError, RuntimeError) as exc:
        return f"{exc!r}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the server reads b'request', the client reads b'reply'"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
