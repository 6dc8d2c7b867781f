"""A thread that reads from a socket ends when another thread closes the socket.

API: socket.socket.recv, socket.socket.close.
Peer: a socket that sends nothing.
"""

import socket
import sys
import threading
import time

ours, peer = socket.socketpair()
reader = threading.Thread(target=lambda: ours.recv(10), daemon=True)
reader.start()
time.sleep(0.1)
ours.close()
reader.join(1)
seen = "the read never ends" if reader.is_alive() else "the read ends"
print(f"expected: the read ends\nseen:     {seen}")
sys.exit(seen != "the read ends")
