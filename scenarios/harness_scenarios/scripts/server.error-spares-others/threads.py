"""An error of one handler leaves the other connections alone.

API: socketserver.ThreadingTCPServer, BaseServer.handle_error.
"""

import socket
import socketserver
import sys
import threading


class Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        message = self.request.recv(10)
        if message == b"raise":
            raise ValueError("planned")
        self.request.sendall(message)


socketserver.BaseServer.handle_error = lambda *_: None  # it is printed
with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
    threading.Thread(target=server.serve_forever, args=(0.01,)).start()
    clients = [socket.create_connection(server.server_address, timeout=2) for _ in range(5)]
    clients[2].send(b"raise")
    for number, client in enumerate(clients):
        client.send(b"hello" if number != 2 else b"")
    served = sum(client.recv(10) == b"hello" for client in clients)
    for client in clients:
        client.close()
    server.shutdown()
seen = f"{served} of 4 others are served"
expected = "4 of 4 others are served"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
