"""A thread that accepts connections ends when another thread closes the listening socket.

API: socket.socket.accept, socket.socket.close.
"""

import socket
import sys
import threading
import time

listener = socket.create_server(("127.0.0.1", 0))
acceptor = threading.Thread(target=listener.accept, daemon=True)
acceptor.start()
time.sleep(0.1)
listener.close()
acceptor.join(1)
seen = "accept never ends" if acceptor.is_alive() else "accept ends"
print(f"expected: accept ends\nseen:     {seen}")
sys.exit(seen != "accept ends")
