"""A task that is cancelled again while it cleans up is interrupted in its clean-up.

API: Task.cancel.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def work(steps: list[str]) -> None:
    try:
        await asyncio.sleep(60)
    finally:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            steps.append("the clean-up is cancelled")
            raise


async def main() -> str:
    steps: list[str] = []
    task = asyncio.create_task(work(steps))
    for _ in range(2):
        await asyncio.sleep(0.01)
        task.cancel()
    await asyncio.wait([task], timeout=3)
    return f"{', '.join(steps)}; the task is cancelled: {task.done() and task.cancelled()}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the clean-up is cancelled; the task is cancelled: True"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
