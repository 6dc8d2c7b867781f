"""A cancelled task sees the cancellation at its next wait, and the item that is there is not lost.

API: asyncio.Queue.get, Task.cancel.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def work(queue: asyncio.Queue[str], got: list[str]) -> None:
    got.append(await queue.get())  # need not wait
    await asyncio.sleep(60)


async def main() -> str:
    queue, got = asyncio.Queue(), []
    queue.put_nowait("item")
    task = asyncio.create_task(work(queue, got))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=3)
    return f"items: {got}, left: {queue.qsize()}, cancelled: {task.done() and task.cancelled()}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "items: ['item'], left: 0, cancelled: True"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
