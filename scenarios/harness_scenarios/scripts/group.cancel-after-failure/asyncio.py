"""A timeout that expires after a failed TaskGroup was caught inside it ends its block.

API: asyncio.TaskGroup, asyncio.timeout.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def fail(error: Exception) -> None:
    raise error


async def main() -> str:
    steps = []
    try:
        async with asyncio.timeout(0.05):
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(fail(ValueError("a child")))
            except* ValueError:
                steps.append("caught")
            await asyncio.sleep(3)
            steps.append("goes on")
    except TimeoutError:
        steps.append("TimeoutError")
    except asyncio.CancelledError:
        steps.append("CancelledError leaves the block")
    return str(steps)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "['caught', 'TimeoutError']"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
