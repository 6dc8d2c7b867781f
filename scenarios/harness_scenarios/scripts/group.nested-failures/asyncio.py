"""The body of the outer TaskGroup ends when both groups fail in one turn and the inner error is caught.

API: asyncio.TaskGroup.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def fail(error: Exception) -> None:
    raise error


async def main() -> str:
    steps = []
    try:
        async with asyncio.TaskGroup() as outer:
            try:
                async with asyncio.TaskGroup() as inner:
                    inner.create_task(fail(ValueError("inner")))
                    outer.create_task(fail(KeyError("outer")))
            except* ValueError:
                steps.append("the inner error is caught")
            await asyncio.sleep(0.2)
            steps.append("the outer body runs on")
    except* KeyError:
        steps.append("the outer error is raised")
    return str(steps)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "['the inner error is caught', 'the outer error is raised']"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
