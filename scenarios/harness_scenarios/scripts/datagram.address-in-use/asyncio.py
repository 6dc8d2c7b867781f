"""An address in use is an OSError with EADDRINUSE.

API: loop.create_datagram_endpoint.
"""

import asyncio
import errno
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> bool:
    with socket.socket(type=socket.SOCK_DGRAM) as first:
        first.bind(("127.0.0.1", 0))
        loop = asyncio.get_running_loop()
        try:
            second, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=first.getsockname())
        except OSError as exc:
            return exc.errno == errno.EADDRINUSE
    second.close()
    return False


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = True
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
