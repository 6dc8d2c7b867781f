"""A TLS connection that is closed does not go on receiving.

API: StreamWriter.close with ssl= (MagicStack/uvloop#471).
Peer: a thread that sends without end and never reads.
"""

import asyncio
import socket
import ssl
import sys
from asyncio import new_event_loop  # the event loop under test

import trustme

CLIENT, SERVER = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
(CA := trustme.CA()).configure_trust(CLIENT)
CA.issue_cert("127.0.0.1").configure_cert(SERVER)
LISTENER = socket.create_server(("127.0.0.1", 0))


def flood() -> str:
    try:
        with SERVER.wrap_socket(LISTENER.accept()[0], server_side=True) as peer:
            peer.sendall(bytes(64 << 20))  # more than the buffers of a connection hold
    except OSError:
        return "the peer cannot send on"
    return "the closed connection has received 64 MiB"


async def main() -> str:
    flooding = asyncio.create_task(asyncio.to_thread(flood))
    _, writer = await asyncio.open_connection(*LISTENER.getsockname(), ssl=CLIENT)
    writer.close()
    return await flooding


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
print(f"expected: {(expected := 'the peer cannot send on')}\nseen:     {seen}")
sys.exit(seen != expected)
