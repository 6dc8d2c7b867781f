"""A server that has just served a client can be started again on its address.

API: socketserver.ThreadingTCPServer, whose allow_reuse_address is false.
"""

import socket
import socketserver
import sys
import threading


def serve_once(port: int) -> int:
    with socketserver.ThreadingTCPServer(("127.0.0.1", port), socketserver.BaseRequestHandler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        with socket.create_connection(server.server_address) as client:
            while client.recv(10):
                pass
        server.shutdown()
        return server.server_address[1]


port = serve_once(0)
try:
    serve_once(port)
    seen = "the server starts again"
except OSError as exc:
    seen = f"the server does not start again: {exc}"
print(f"expected: the server starts again\nseen:     {seen}")
sys.exit(seen != "the server starts again")
