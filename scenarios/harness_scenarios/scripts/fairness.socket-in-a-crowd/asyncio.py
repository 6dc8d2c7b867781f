"""A byte that has arrived is received within a few turns of five tasks that are always ready.

API: loop.create_connection, StreamReader.read, asyncio.sleep(0).
Peer: a blocking socket that sends one byte.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def run(name: str, turns: list[str], count: int) -> None:
    for _ in range(count):
        turns.append(name)
        await asyncio.sleep(0)


async def main() -> str:
    server = socket.create_server(("127.0.0.1", 0))
    reader, _writer = await asyncio.open_connection(*server.getsockname())
    peer, _ = server.accept()
    turns: list[str] = []
    reading = asyncio.create_task(reader.read(1))
    reading.add_done_callback(lambda _: turns.append("read"))
    await asyncio.sleep(0.05)
    peer.sendall(b"x")
    await asyncio.gather(*(run("busy", turns, 2_000) for _ in range(5)))
    late = turns.index("read") if "read" in turns else len(turns)
    return "within 10 turns of each" if late <= 50 else f"after {late} turns of 5 tasks"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "within 10 turns of each"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
