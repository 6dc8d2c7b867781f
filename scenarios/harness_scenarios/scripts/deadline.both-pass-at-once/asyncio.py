"""Of two nested timeouts that expire at once the error leaves the outer block.

API: asyncio.timeout_at.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    when = asyncio.get_running_loop().time() + 0.02
    left = []
    try:
        async with asyncio.timeout_at(when):
            try:
                async with asyncio.timeout_at(when):
                    await asyncio.sleep(3)
            except TimeoutError:
                left.append("inner")
            await asyncio.sleep(3)
    except TimeoutError:
        left.append("outer")
    print(f"TimeoutErrors: {left}")
    return f"the outer block ends: {'outer' in left}, cancellations behind: {asyncio.current_task().cancelling()}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the outer block ends: True, cancellations behind: 0"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
