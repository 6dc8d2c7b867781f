"""A task that receives from a socket ends when another task closes it.

API: curio.socket, Socket.close.
"""

import sys

import curio
from curio import socket


async def receive(sock: object) -> str:
    try:
        await curio.timeout_after(1, sock.recvfrom, 10)
    except curio.TaskTimeout:
        return "waits on"
    except OSError:
        return "ends"
    return "receives"


async def main() -> str:
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    task = await curio.spawn(receive, sock)
    await curio.sleep(0.1)
    await sock.close()
    return await task.join()


seen = curio.run(main)
expected = "ends"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
