"""A connect whose handshake fails closes its socket.

API: curio.open_connection with ssl=.
Peer: a listening socket that answers in plain text.
"""

import socket
import sys

import curio
import curio.ssl


async def main() -> str:
    listener = socket.create_server(("127.0.0.1", 0))
    context, address = curio.ssl.create_default_context(), listener.getsockname()
    task = await curio.spawn(lambda: curio.open_connection(*address, ssl=context, server_hostname="a.test"))
    await curio.sleep(0.1)
    peer, _ = listener.accept()
    peer.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
    await task.wait()
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
print(f"expected: {(expected := 'the socket is closed')}\nseen:     {seen}")
sys.exit(seen != expected)
