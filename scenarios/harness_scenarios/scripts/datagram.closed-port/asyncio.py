"""A datagram after a refused one is sent, or its sender gets the error.

API: DatagramTransport.sendto, DatagramProtocol.error_received.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


class Protocol(asyncio.DatagramProtocol):
    error = ""

    def error_received(self, exc: Exception) -> None:
        self.error = type(exc).__name__


async def main() -> tuple[str, bytes]:
    with socket.socket(type=socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        address = peer.getsockname()
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Protocol, remote_addr=address)
    transport.sendto(b"refused")
    await asyncio.sleep(0.1)
    with socket.socket(type=socket.SOCK_DGRAM) as peer:
        peer.bind(address)
        peer.settimeout(5)
        transport.sendto(b"next")
        return protocol.error, peer.recv(10)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = ("ConnectionRefusedError", b"next")
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
