"""A task that reads from a socket ends when another task closes the socket.

API: curio.io.Socket.recv, curio.io.Socket.close.
Peer: a socket that sends nothing.
"""

import socket
import sys

import curio


async def main() -> str:
    ours, peer = socket.socketpair()
    stream = curio.io.Socket(ours)
    reader = await curio.spawn(stream.recv, 10)
    await curio.sleep(0.05)
    await stream.close()
    try:
        await curio.timeout_after(1, reader.wait)
    except curio.TaskTimeout:
        await reader.cancel()
        return "the read never ends"
    finally:
        peer.close()
    return "the read ends"


seen = curio.run(main)
print(f"expected: the read ends\nseen:     {seen}")
sys.exit(seen != "the read ends")
