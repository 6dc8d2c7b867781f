"""A new connection works, also if it has the number of a socket that was closed while a task read it.

API: curio.io.Socket.recv, Socket.close, curio.open_connection.
"""

import socket
import sys

import curio


async def main() -> str:
    server = socket.create_server(("127.0.0.1", 0))
    old = await curio.open_connection(*server.getsockname())
    await curio.spawn(old.recv, 10, daemon=True)
    await curio.sleep(0.05)
    await old.close()
    await curio.open_connection(*server.getsockname())
    return "it is connected"


kernel = curio.Kernel()
try:
    seen = kernel.run(main)
except FileNotFoundError as exc:
    seen = f"the kernel ends: {exc!r}"
print(f"expected: it is connected\nseen:     {seen}")
sys.exit(seen != "it is connected")
