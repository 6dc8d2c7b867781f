"""A TaskGroup whose body fails cancels its tasks and raises the error in a group.

API: asyncio.TaskGroup.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    try:
        async with asyncio.TaskGroup() as group:
            child = group.create_task(asyncio.sleep(60))
            await asyncio.sleep(0)
            raise ValueError("the body")
    except ExceptionGroup as errors:
        return f"{errors.exceptions!r}, the child is cancelled: {child.cancelled()}"
    except ValueError:
        return "a plain ValueError"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "(ValueError('the body'),), the child is cancelled: True"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
