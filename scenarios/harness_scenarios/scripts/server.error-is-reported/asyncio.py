"""An error of a handler is reported.

API: asyncio.start_server, loop.set_exception_handler.
"""

import asyncio
import gc
import sys
from asyncio import new_event_loop  # the event loop under test


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read(10))
    raise ValueError("planned")


async def main() -> str:
    reports = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context.get("exception")))
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"hello")
    await reader.read(10)
    await asyncio.sleep(0.1)
    gc.collect()  # some errors are reported when their task is collected
    return "it is reported" if any(isinstance(exc, ValueError) for exc in reports) else "it is lost"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "it is reported"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
