"""A client of a Unix socket whose backlog is full is connected, or gets an error.

API: curio.open_unix_connection.
"""

import socket
import sys
import tempfile

import curio


async def main() -> str:
    path = f"{tempfile.mkdtemp()}/s"
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(1)  # room for two
    kept = [await curio.open_unix_connection(path) for _ in range(2)]
    try:
        kept.append(await curio.timeout_after(1, curio.open_unix_connection, path))
        kept[-1].getpeername()
    except (BlockingIOError, curio.TaskTimeout):
        return "no connection"
    except OSError as exc:
        return f"a socket is returned, and is not connected: {exc}"
    return "a connection"


seen = curio.run(main)
print(f"expected: no connection\nseen:     {seen}")
sys.exit(seen != "no connection")
