"""TCP_NODELAY is set on connections and on accepted connections.

API: asyncio.open_connection, asyncio.start_server.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


def has_no_delay(writer: asyncio.StreamWriter) -> bool:
    return bool(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))


async def main() -> str:
    accepted = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(lambda _, writer: accepted.set_result(writer), "127.0.0.1", 0)
    _, client = await asyncio.open_connection(*server.sockets[0].getsockname())
    return f"client {has_no_delay(client)}, server {has_no_delay(await asyncio.wait_for(accepted, 3))}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "client True, server True"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
