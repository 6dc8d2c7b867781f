"""An endpoint with a remote address receives from there only.

API: loop.create_datagram_endpoint, remote_addr.
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
    with socket.socket(type=socket.SOCK_DGRAM) as peer, socket.socket(type=socket.SOCK_DGRAM) as stranger:
        peer.bind(("127.0.0.1", 0))
        transport, protocol = await loop.create_datagram_endpoint(Protocol, remote_addr=peer.getsockname())
        for sender, data in ((stranger, b"a"), (peer, b"b"), (stranger, b"c")):
            sender.sendto(data, transport.get_extra_info("sockname"))
        await asyncio.sleep(0.2)
    transport.close()
    return protocol.received


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = [b"b"]
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
