"""The address of a closed endpoint is free after some turns of the loop.

API: DatagramTransport.close.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    address = transport.get_extra_info("sockname")
    transport.close()
    await asyncio.sleep(0.1)
    with socket.socket(type=socket.SOCK_DGRAM) as second:
        try:
            second.bind(address)
        except OSError as exc:
            return str(exc)
    return "free"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "free"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
