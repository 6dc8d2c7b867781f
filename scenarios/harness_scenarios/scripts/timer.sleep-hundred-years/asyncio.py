"""A sleep for a hundred years waits until it is cancelled.

API: loop.call_later, asyncio.sleep.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    try:
        await asyncio.wait_for(asyncio.sleep(100 * 365 * 86400), 0.2)
    except TimeoutError:
        return "still asleep after 0.2 s"
    except (ArithmeticError, ValueError) as exc:
        return f"raises {exc!r}"
    return "returns"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "still asleep after 0.2 s"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
