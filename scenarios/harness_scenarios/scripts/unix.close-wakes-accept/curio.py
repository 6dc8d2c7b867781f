"""A task that accepts clients of a Unix socket ends when another one closes the socket.

API: curio.network.unix_server_socket, Socket.accept, Socket.close.
"""

import sys
import tempfile

import curio
from curio.network import unix_server_socket


async def main() -> str:
    listener = unix_server_socket(f"{tempfile.mkdtemp()}/s")
    accepting = await curio.spawn(listener.accept)
    await curio.sleep(0.1)
    await listener.close()
    try:
        await curio.timeout_after(0.3, accepting.wait)
    except curio.TaskTimeout:
        await accepting.cancel()
        return "accept never ends"
    return "accept ends"


seen = curio.run(main)
print(f"expected: accept ends\nseen:     {seen}")
sys.exit(seen != "accept ends")
