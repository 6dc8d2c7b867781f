"""Plain text that came before start_tls() is never read as if it had been encrypted.

API: StreamWriter.start_tls (gh-118642, gh-142352, MagicStack/uvloop#707).
Peer: a client that sends a command and more plain text in one packet, and begins TLS.
"""

import asyncio
import ssl
import sys
from asyncio import new_event_loop  # the event loop under test

import trustme

CLIENT, SERVER = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
(CA := trustme.CA()).configure_trust(CLIENT)
CA.issue_cert("127.0.0.1").configure_cert(SERVER)
LINES = []


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readline()
    writer.write(b"OK")
    await writer.start_tls(SERVER)
    LINES.append((await reader.readline()).strip())


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"STARTTLS\r\nDELETE everything\r\n")
    await reader.read(2)
    await asyncio.gather(writer.start_tls(CLIENT, server_hostname="127.0.0.1"), return_exceptions=True)
    await asyncio.sleep(0.5)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    runner.run(main())
print(f"expected: {(expected := 'no line')}\nseen:     {(seen := str(LINES or expected))}")
sys.exit(seen != expected)
