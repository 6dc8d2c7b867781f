"""The error of a child reaches the parent in an ExceptionGroup.

API: asyncio.TaskGroup.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def fail(error: Exception) -> None:
    raise error


async def main() -> str:
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail(ValueError("a child")))
    except ExceptionGroup as errors:
        return repr(errors.exceptions)
    return "no error"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "(ValueError('a child'),)"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
