"""An endpoint that was closed sends nothing, and a send to it raises no error of another meaning.

API: DatagramTransport.sendto, DatagramTransport.close.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    transport.close()
    await asyncio.sleep(0.1)
    with socket.socket(type=socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        try:
            transport.sendto(b"late", peer.getsockname())
        except (OSError, RuntimeError) as exc:
            return f"closed: {exc}"[:6]
        except Exception as exc:
            return repr(exc)
    return "closed"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "closed"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
