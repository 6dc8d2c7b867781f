"""A client that connects to a TLS server and sends nothing holds up no other.

API: SSLSocket.accept.
Peer: a socket that connects and sends nothing, and a client behind it.
"""

import socket
import ssl
import sys
from threading import Thread

import trustme

CLIENT, SERVER = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
(CA := trustme.CA()).configure_trust(CLIENT)
CA.issue_cert("127.0.0.1").configure_cert(SERVER)
listener = SERVER.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)


def serve() -> None:
    while True:
        connection, _ = listener.accept()
        connection.sendall(b"hello")


Thread(target=serve, daemon=True).start()
stalled = socket.create_connection(listener.getsockname())
second = socket.create_connection(listener.getsockname(), timeout=1)
try:
    seen = f"the next client is served: {CLIENT.wrap_socket(second, server_hostname='127.0.0.1').recv(5)!r}"
except TimeoutError:
    seen = "the next client waits for the stalled one"
expected = "the next client is served: b'hello'"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
