"""A block whose deadline has passed ends at its first wait.

API: asyncio.timeout(-1).
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    steps = []
    try:
        async with asyncio.timeout(-1):
            steps.append("enters")
            await asyncio.sleep(1)
            steps.append("waits")
    except TimeoutError:
        steps.append("TimeoutError")
    return str(steps)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "['enters', 'TimeoutError']"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
