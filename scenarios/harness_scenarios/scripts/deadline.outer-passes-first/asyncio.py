"""The TimeoutError leaves the outer block when its timeout expires first.

API: asyncio.timeout.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    steps = []
    try:
        async with asyncio.timeout(0.02):
            try:
                async with asyncio.timeout(3):
                    await asyncio.sleep(2)
            except TimeoutError:
                steps.append("inner")
    except TimeoutError:
        steps.append("outer")
    return str(steps)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "['outer']"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
