"""A curio server that is stopped lets its handlers finish.

API: curio.network.run_server, whose only end is the cancellation of its task.
"""

import socket
import sys

import curio
from curio.network import run_server


async def handle(client: object, _address: object) -> None:
    await client.recv(10)
    await curio.sleep(0.3)
    await client.sendall(b"reply")


async def main() -> str:
    listener = curio.tcp_server_socket("127.0.0.1", 0)
    server = await curio.spawn(run_server, listener, handle)
    client = socket.create_connection(listener.getsockname())
    client.send(b"request")
    await curio.sleep(0.1)
    await server.cancel()
    return "the reply arrives" if client.recv(10) else "the connection is cut off"


seen = curio.run(main)
expected = "the reply arrives"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
