"""A thread that receives from a socket ends when another thread closes it.

API: socket.socket.close.
"""

import contextlib
import socket
import sys
import threading
import time


def receive(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.recv(10)


sock = socket.socket(type=socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", 0))
thread = threading.Thread(target=receive, args=(sock,), daemon=True)
thread.start()
time.sleep(0.2)
sock.close()
thread.join(1)
seen = "waits on" if thread.is_alive() else "ends"
expected = "ends"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
