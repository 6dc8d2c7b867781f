"""Two nested timeouts that expire in one turn are both left.

API: asyncio.timeout, Timeout.reschedule.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    left = []
    try:
        async with asyncio.timeout(None) as outer:
            try:
                async with asyncio.timeout(None) as inner:
                    inner.reschedule(0)
                    outer.reschedule(0)
                    await asyncio.sleep(3)
            finally:
                left.append("inner")
            await asyncio.sleep(3)
    except TimeoutError:
        left.append("outer")
    return f"left: {left}, cancellations behind: {asyncio.current_task().cancelling()}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "left: ['inner', 'outer'], cancellations behind: 0"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
