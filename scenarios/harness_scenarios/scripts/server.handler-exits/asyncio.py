"""sys.exit in a handler ends the program, with its exit code.

API: asyncio.start_server, asyncio.Runner.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    sys.exit(3)


async def main() -> None:
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    await asyncio.open_connection(*server.sockets[0].getsockname())
    await asyncio.sleep(1)


try:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
    seen = "the run goes on"
except SystemExit as exc:
    seen = f"the run ends with {exc!r}"
expected = "the run ends with SystemExit(3)"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
