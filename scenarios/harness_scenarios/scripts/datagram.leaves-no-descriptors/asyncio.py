"""Endpoints that are closed, or that fail to open, leave no descriptor.

API: loop.create_datagram_endpoint.
"""

import asyncio
import contextlib
import os
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> int:
    loop = asyncio.get_running_loop()
    before = len(os.listdir("/dev/fd"))
    for _ in range(20):
        first, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
        with contextlib.suppress(OSError):
            address = first.get_extra_info("sockname")
            await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=address)
        first.close()
    await asyncio.sleep(0.1)
    return len(os.listdir("/dev/fd")) - before


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = 0
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
