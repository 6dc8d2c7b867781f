"""An endpoint is closed alone.

API: DatagramTransport.close.
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


async def main() -> list[int]:
    loop = asyncio.get_running_loop()
    made = [await loop.create_datagram_endpoint(Protocol, local_addr=("127.0.0.1", 0)) for _ in range(3)]
    made[0][0].close()
    with socket.socket(type=socket.SOCK_DGRAM) as peer:
        for transport, _ in made[1:]:
            peer.sendto(b"hello", transport.get_extra_info("sockname"))
        await asyncio.sleep(0.2)
    for transport, _ in made:
        transport.close()
    return [len(protocol.received) for _, protocol in made]


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = [0, 1, 1]
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
