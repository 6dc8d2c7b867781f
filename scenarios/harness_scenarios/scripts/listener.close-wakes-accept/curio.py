"""A task that accepts connections ends when another task closes the listening socket.

API: curio.io.Socket.accept, curio.io.Socket.close.
"""

import socket
import sys

import curio


async def main() -> str:
    listener = curio.io.Socket(socket.create_server(("127.0.0.1", 0)))
    acceptor = await curio.spawn(listener.accept)
    await curio.sleep(0.05)
    await listener.close()
    try:
        await curio.timeout_after(1, acceptor.wait)
    except curio.TaskTimeout:
        await acceptor.cancel()
        return "accept never ends"
    return "accept ends"


seen = curio.run(main)
print(f"expected: accept ends\nseen:     {seen}")
sys.exit(seen != "accept ends")
