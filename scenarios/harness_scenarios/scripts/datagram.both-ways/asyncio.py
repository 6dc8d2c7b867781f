"""Two endpoints that send to each other at once receive their own datagrams.

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


async def main() -> list[int]:
    loop = asyncio.get_running_loop()
    near, here = await loop.create_datagram_endpoint(Protocol, local_addr=("127.0.0.1", 0))
    far, there = await loop.create_datagram_endpoint(Protocol, local_addr=("127.0.0.1", 0))
    for _ in range(40):
        near.sendto(b"to far", far.get_extra_info("sockname"))
        far.sendto(b"to near", near.get_extra_info("sockname"))
    await asyncio.sleep(0.3)
    near.close()
    far.close()
    return [here.received.count(b"to near"), there.received.count(b"to far")]


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = [40, 40]
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
