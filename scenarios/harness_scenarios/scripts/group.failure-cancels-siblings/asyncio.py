"""The siblings of a task that fails are cancelled.

API: asyncio.TaskGroup.
"""

import asyncio
import contextlib
import sys
from asyncio import new_event_loop  # the event loop under test


async def fail(error: Exception) -> None:
    raise error


async def main() -> str:
    with contextlib.suppress(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            sibling = group.create_task(asyncio.sleep(3))
            group.create_task(fail(ValueError("a child")))
    return f"the sibling is cancelled: {sibling.cancelled()}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the sibling is cancelled: True"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
