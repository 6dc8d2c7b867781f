"""A server that is started by mistake on the path of a live server does not take its clients.

API: asyncio.start_unix_server (gh-121252).
"""

import asyncio
import contextlib
import sys
import tempfile
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    path = f"{tempfile.mkdtemp()}/s"
    clients: list[str] = []
    await asyncio.start_unix_server(lambda *streams: clients.append("the first server"), path)
    with contextlib.suppress(OSError):
        await asyncio.start_unix_server(lambda *streams: clients.append("the second server"), path)
    await asyncio.open_unix_connection(path)
    await asyncio.sleep(0.1)
    return " and ".join(clients)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
print(f"expected: the first server\nseen:     {seen}")
sys.exit(seen != "the first server")
