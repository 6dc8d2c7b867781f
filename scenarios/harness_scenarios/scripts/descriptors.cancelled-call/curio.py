"""A connect that is cancelled closes its socket.

API: curio.open_connection.
"""

import gc
import os
import socket
import sys

import curio


async def main() -> int:
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(0)  # full with the next two: the clients after them wait
    fillers = [socket.socket() for _ in range(2)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(server.getsockname())
    before = len(os.listdir("/dev/fd"))
    for _ in range(20):
        await curio.ignore_after(0.005, curio.open_connection, *server.getsockname())
    return len(os.listdir("/dev/fd")) - before


gc.disable()  # it closes leftovers
left = curio.run(main)
print(f"expected: 0 descriptors are left\nseen:     {left} descriptors are left")
sys.exit(left > 0)
