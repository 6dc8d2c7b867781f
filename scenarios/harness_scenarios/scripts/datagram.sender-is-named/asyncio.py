"""A datagram comes with the address of its sender.

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
        self.received.append(address)


async def main() -> list[int]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Protocol, local_addr=("127.0.0.1", 0))
    senders = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(2)]
    for sender in (*senders, senders[0]):
        sender.sendto(b"hello", transport.get_extra_info("sockname"))
    await asyncio.sleep(0.2)
    ports = [sender.getsockname()[1] for sender in senders]
    for one in (*senders, transport):
        one.close()
    return [ports.index(address[1]) for address in protocol.received]


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = [0, 1, 0]
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
