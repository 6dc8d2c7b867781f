"""A connect that is cancelled in its handshake closes its socket.

API: curio.open_connection with ssl=.
Peer: a listening socket that sends nothing.
"""

import socket
import sys

import curio
import curio.ssl


async def main() -> str:
    listener = socket.create_server(("127.0.0.1", 0))
    context = curio.ssl.create_default_context()
    address = listener.getsockname()
    task = await curio.spawn(lambda: curio.open_connection(*address, ssl=context, server_hostname="a.test"))
    await curio.sleep(0.1)
    peer, _ = listener.accept()
    await task.cancel()
    peer.settimeout(1)
    try:
        while peer.recv(1 << 16):  # the first flight, then the end
            pass
    except TimeoutError:
        return "the socket stays open"
    except ConnectionResetError:
        pass
    return "the socket is closed"


seen = curio.run(main)
expected = "the socket is closed"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
