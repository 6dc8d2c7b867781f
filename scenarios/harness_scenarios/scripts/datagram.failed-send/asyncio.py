"""A send that fails reports its error, and the endpoint works on.

API: DatagramTransport.sendto, DatagramProtocol.error_received.
"""

import asyncio
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
    own = transport.get_extra_info("sockname")
    transport.sendto(b"no address")
    await asyncio.sleep(0.1)
    if not transport.is_closing():
        transport.sendto(b"next", own)
    await asyncio.sleep(0.1)
    transport.close()
    return protocol.received


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = [b"next"]
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
