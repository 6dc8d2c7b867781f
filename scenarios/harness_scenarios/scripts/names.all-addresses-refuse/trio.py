"""A client gets a ConnectionRefusedError if each address of a host refuses.

API: trio.open_tcp_stream.
"""

import sys

import trio


async def main() -> str:
    try:
        await trio.open_tcp_stream("127.0.0.1", 1)
    except ConnectionRefusedError:
        return "ConnectionRefusedError"
    except OSError as exc:
        return f"{exc!r}, errno {exc.errno}"
    return "a connection"


seen = trio.run(main)
print(f"expected: ConnectionRefusedError\nseen:     {seen}")
sys.exit(seen != "ConnectionRefusedError")
