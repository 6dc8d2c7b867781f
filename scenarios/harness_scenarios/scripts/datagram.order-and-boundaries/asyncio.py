"""Datagrams arrive one by one and in order.

API: DatagramTransport.sendto, DatagramProtocol.datagram_received.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


class Protocol(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.received = []

    def datagram_received(self, data: bytes, address: tuple) -> None:
        self.received.append(data)


async def main() -> str:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Protocol, local_addr=("127.0.0.1", 0))
    sent = [b"%d" % number for number in range(50)]
    for data in sent:
        transport.sendto(data, transport.get_extra_info("sockname"))
    await asyncio.sleep(0.3)
    transport.close()
    return "all, in order" if protocol.received == sent else f"{protocol.received}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "all, in order"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
