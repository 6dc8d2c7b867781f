"""The error of a child in its clean-up is raised although the parent was cancelled.

API: asyncio.TaskGroup, Task.cancel.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def fail_in_cleanup() -> None:
    try:
        await asyncio.sleep(60)
    finally:
        raise ValueError("the clean-up")


async def parent() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(fail_in_cleanup())


async def main() -> str:
    task = asyncio.create_task(parent())
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task], timeout=3)
    return "the error is lost" if task.cancelled() else repr(task.exception().exceptions)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "(ValueError('the clean-up'),)"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
