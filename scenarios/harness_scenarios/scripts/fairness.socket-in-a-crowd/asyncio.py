"""A byte that has arrived is received within a few turns of five tasks that are always ready.

API: loop.create_connection, StreamReader.read, asyncio.sleep(0).
Peer: a blocking socket that sends a byte, twenty times.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def run(turns: list[str]) -> None:
    for _ in range(2_000):
        turns.append("busy")
        await asyncio.sleep(0)


async def main() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        reader, _writer = await asyncio.open_connection(*server.getsockname())
        peer, _ = server.accept()
    late = []
    for _ in range(20):
        turns: list[str] = []
        reading = asyncio.create_task(reader.read(1))
        reading.add_done_callback(lambda _, turns=turns: turns.append("read"))
        await asyncio.sleep(0.01)
        peer.sendall(b"x")
        await asyncio.gather(*(run(turns) for _ in range(5)))
        late.append(turns.index("read") if "read" in turns else len(turns))
    return max(late)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
print(f"expected: within 10 turns of 5 tasks\nseen:     after {seen / 5:g} turns of 5 tasks, at worst")
sys.exit(seen > 50)
