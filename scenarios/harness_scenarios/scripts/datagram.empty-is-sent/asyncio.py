"""An empty datagram is sent.

API: DatagramTransport.sendto.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> list[bytes]:
    with socket.socket(type=socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(5)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=peer.getsockname())
        transport.sendto(b"")
        transport.sendto(b"last")
        received = [peer.recv(10)]
        while received[-1] != b"last":
            received.append(peer.recv(10))
        transport.close()
        return received


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = [b"", b"last"]
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
