"""An endpoint works on after datagrams were lost in a burst.

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


async def main() -> bool:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Protocol, local_addr=("127.0.0.1", 0))
    with socket.socket(type=socket.SOCK_DGRAM) as peer:
        for number in range(400):
            peer.sendto(b"%6d" % number + bytes(1000), transport.get_extra_info("sockname"))
        await asyncio.sleep(0.3)
        kept = [int(data[:6]) for data in protocol.received]
        peer.sendto(b"last", transport.get_extra_info("sockname"))
        await asyncio.sleep(0.2)
    transport.close()
    return kept == list(range(len(kept))) and protocol.received[-1] == b"last"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = True
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
