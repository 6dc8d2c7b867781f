"""A connect to a numeric host does not wait for name look-ups.

API: curio.open_connection, curio.socket.getaddrinfo.
"""

import socket
import sys
import threading

import curio

server = socket.create_server(("127.0.0.1", 0))
answered, find = threading.Event(), socket.getaddrinfo
socket.getaddrinfo = lambda host, *more, **options: (
    host == "slow.test" and answered.wait(10),
    find("127.0.0.1", *more),
)[1]


async def main() -> str:
    look_ups = [await curio.spawn(curio.socket.getaddrinfo, "slow.test", 80) for _ in range(100)]
    await curio.sleep(0.1)
    client = await curio.spawn(curio.open_connection, *server.getsockname())
    await curio.sleep(0.5)
    seen = "it connects" if client.terminated else "it waits for the look-ups"
    answered.set()
    for task in (client, *look_ups):
        await task.join()
    return seen


seen = curio.run(main)
print(f"expected: it connects\nseen:     {seen}")
sys.exit(seen != "it connects")
