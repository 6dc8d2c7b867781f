"""An operation that need not wait does not give way to other tasks.

API: asyncio.Queue.get, asyncio.Lock.acquire, asyncio.Event.wait.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def run(name: str, turns: list[str], count: int) -> None:
    for _ in range(count):
        turns.append(name)
        await asyncio.sleep(0)


async def main() -> str:
    turns: list[str] = []
    queue: asyncio.Queue[int] = asyncio.Queue()
    lock, event = asyncio.Lock(), asyncio.Event()
    event.set()
    other = asyncio.create_task(run("other", turns, 1))
    for number in range(200):
        queue.put_nowait(number)
        await queue.get()
        async with lock:
            await event.wait()
    during = len(turns)
    await other
    return f"turns of the other task meanwhile: {during}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "turns of the other task meanwhile: 0"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
