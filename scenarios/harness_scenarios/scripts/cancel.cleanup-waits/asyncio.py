"""The wait in the clean-up of a cancelled task ends as it should.

API: Task.cancel.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def work(steps: list[str]) -> None:
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.01)
        steps.append("the clean-up is complete")


async def main() -> str:
    steps: list[str] = []
    task = asyncio.create_task(work(steps))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=3)
    return f"{steps}, cancelled: {task.done() and task.cancelled()}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "['the clean-up is complete'], cancelled: True"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
