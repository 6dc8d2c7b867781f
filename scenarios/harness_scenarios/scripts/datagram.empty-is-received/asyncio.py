"""An empty datagram is received.

API: DatagramProtocol.datagram_received.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


class Protocol(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.received = []

    def datagram_received(self, data: bytes, address: tuple) -> None:
        self.received.append(data)


async def main() -> list[bytes]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Protocol, local_addr=("127.0.0.1", 0))
    with socket.socket(type=socket.SOCK_DGRAM) as peer:
        for data in (b"a", b"", b"b"):
            peer.sendto(data, transport.get_extra_info("sockname"))
        await asyncio.sleep(0.2)
    transport.close()
    return protocol.received


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = [b"a", b"", b"b"]
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
