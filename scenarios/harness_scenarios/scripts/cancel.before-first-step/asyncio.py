"""A task that is cancelled before its first step takes no step.

API: asyncio.create_task, Task.cancel.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def work(steps: list[str]) -> None:
    steps.append("first step")
    await asyncio.sleep(0)


async def main() -> str:
    steps: list[str] = []
    task = asyncio.create_task(work(steps))
    task.cancel()
    await asyncio.wait([task], timeout=3)
    return f"steps: {steps}, cancelled: {task.done() and task.cancelled()}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "steps: [], cancelled: True"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
