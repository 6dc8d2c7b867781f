"""A thread that accepts clients of a Unix socket ends when another thread closes the socket.

API: socket.socket.accept, socket.socket.close.
"""

import socket
import sys
import tempfile
import threading
import time

listener = socket.socket(socket.AF_UNIX)
listener.bind(f"{tempfile.mkdtemp()}/s")
listener.listen()
acceptor = threading.Thread(target=listener.accept, daemon=True)
acceptor.start()
time.sleep(0.1)
listener.close()
acceptor.join(0.3)
seen = "accept never ends" if acceptor.is_alive() else "accept ends"
print(f"expected: accept ends\nseen:     {seen}")
sys.exit(seen != "accept ends")
