"""Notifying more waiters than there are is nothing, and nothing is kept for later.

API: asyncio.Condition.notify.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    condition = asyncio.Condition()
    async with condition:
        condition.notify(5)
        try:
            async with asyncio.timeout(0.05):
                await condition.wait()
        except TimeoutError:
            return "a later wait waits"
    return "a later wait is woken at once"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "a later wait waits"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
