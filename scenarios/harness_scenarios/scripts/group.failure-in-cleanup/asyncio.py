"""The error of a task that fails in its clean-up is in the group beside the first error.

API: asyncio.TaskGroup.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def fail(error: Exception) -> None:
    raise error


async def fail_in_cleanup() -> None:
    try:
        await asyncio.sleep(60)
    finally:
        raise KeyError("the clean-up")


async def main() -> str:
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail_in_cleanup())
            await asyncio.sleep(0)
            group.create_task(fail(ValueError("a child")))
    except ExceptionGroup as errors:
        return repr(sorted(errors.exceptions, key=repr))
    return "no error"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "[KeyError('the clean-up'), ValueError('a child')]"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
