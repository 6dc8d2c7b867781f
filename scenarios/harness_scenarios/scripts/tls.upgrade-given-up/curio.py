"""A stream whose upgrade to TLS was cancelled can be closed.

API: CurioSSLContext.wrap_socket, Socket.close.
Peer: a listening socket that sends nothing.
"""

import socket
import sys

import curio
import curio.ssl


async def main() -> str:
    listener = socket.create_server(("127.0.0.1", 0))
    sock = await curio.open_connection(*listener.getsockname())
    context = curio.ssl.create_default_context()
    task = await curio.spawn(lambda: context.wrap_socket(sock, server_hostname="a.test"))
    peer, _ = listener.accept()
    await curio.sleep(0.1)
    await task.cancel()
    await sock.close()
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
