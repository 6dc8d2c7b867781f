"""A timeout that expires in the turn in which the last wait ends stays inside its block.

API: asyncio.timeout, Timeout.reschedule.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    loop = asyncio.get_running_loop()
    woken = loop.create_future()
    try:
        async with asyncio.timeout(None) as block:
            loop.call_later(0.01, lambda: (woken.set_result(None), block.reschedule(0)))
            await woken
    except TimeoutError:
        pass  # the cancellation won; otherwise the wake-up did
    await asyncio.sleep(0.01)
    return f"behind the block: {asyncio.current_task().cancelling()} cancellations"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "behind the block: 0 cancellations"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
