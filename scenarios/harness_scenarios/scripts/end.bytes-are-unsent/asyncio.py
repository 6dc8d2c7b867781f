"""What drain has accepted arrives, also if the program ends right after it.

API: asyncio.StreamWriter.drain, asyncio.Runner.
Peer: a socket that begins to read when the run has ended.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test

server = socket.create_server(("127.0.0.1", 0))


async def main() -> int:
    _, writer = await asyncio.open_connection(*server.getsockname())
    accepted = 0
    while True:
        writer.write(bytes(4096))
        if not (await asyncio.wait([asyncio.ensure_future(writer.drain())], timeout=0.2))[0]:
            return accepted
        accepted += 4096


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    accepted = runner.run(main())
peer, _ = server.accept()
peer.settimeout(1)
received = 0
try:
    while chunk := peer.recv(1 << 16):
        received += len(chunk)
except OSError:
    pass
print(f"expected: at least {accepted} bytes arrive\nseen:     {received} bytes arrive")
sys.exit(received < accepted)
