"""The outer block goes on when the inner timeout has expired.

API: asyncio.timeout.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    steps = []
    async with asyncio.timeout(3):
        try:
            async with asyncio.timeout(0.02):
                await asyncio.sleep(2)
        except TimeoutError:
            steps.append("inner")
        await asyncio.sleep(0.01)
        steps.append("goes on")
    return str(steps)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "['inner', 'goes on']"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
