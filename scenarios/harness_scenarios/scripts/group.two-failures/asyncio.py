"""The errors of two tasks that fail in one turn are both raised.

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
            group.create_task(fail(ValueError("one")))
            group.create_task(fail(KeyError("two")))
    except ExceptionGroup as errors:
        return repr(errors.exceptions)
    return "no error"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "(ValueError('one'), KeyError('two'))"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
