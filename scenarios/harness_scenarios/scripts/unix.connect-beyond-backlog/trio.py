"""A client of a Unix socket whose backlog is full is connected, or gets an error.

API: trio.open_unix_socket.
"""

import socket
import sys
import tempfile

import trio


async def main() -> str:
    path = f"{tempfile.mkdtemp()}/s"
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(1)  # room for two
    kept = [await trio.open_unix_socket(path) for _ in range(2)]
    with trio.move_on_after(1):
        try:
            kept.append(await trio.open_unix_socket(path))
            kept[-1].socket.getpeername()
        except BlockingIOError:
            return "no connection"
        except OSError as exc:
            return f"a stream is returned, and is not connected: {exc}"
        return "a connection"
    return "no connection"


seen = trio.run(main)
print(f"expected: no connection\nseen:     {seen}")
sys.exit(seen != "no connection")
