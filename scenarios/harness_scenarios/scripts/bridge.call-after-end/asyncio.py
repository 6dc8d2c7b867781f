"""A thread that calls into a loop that has ended gets an error.

API: asyncio.loop.call_soon_threadsafe, on a closed loop.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    loop = runner.run(main())
try:
    loop.call_soon_threadsafe(print)
    seen = "the call is accepted, and never made"
except RuntimeError:
    seen = "the call is refused"
expected = "the call is refused"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
