"""A call into a loop that has ended is not made by the loop that runs next.

API: asyncio.loop.call_soon_threadsafe, on a closed loop.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


async def call(ended: asyncio.AbstractEventLoop) -> str:
    made = []
    try:
        ended.call_soon_threadsafe(made.append, "made")
    except RuntimeError:
        return "the call is refused"
    await asyncio.sleep(0.1)
    return "the other loop makes the call" if made else "the call is accepted, and never made"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    ended = runner.run(main())
with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(call(ended))
expected = "the call is refused"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
