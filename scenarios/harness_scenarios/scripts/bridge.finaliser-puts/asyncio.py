"""A finaliser may hand an item over, whatever thread the collector runs in.

API: asyncio.loop.call_soon_threadsafe, called by __del__.
"""

import asyncio
import gc
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


class Forgotten:
    def __init__(self, put: object) -> None:
        self.put, self.itself = put, self  # only the collector finds it

    def __del__(self) -> None:
        self.put()


async def main() -> str:
    item, loop = asyncio.Event(), asyncio.get_running_loop()
    Forgotten(lambda: loop.call_soon_threadsafe(item.set))
    threading.Timer(0.1, gc.collect).start()
    try:
        await asyncio.wait_for(item.wait(), 2)
    except TimeoutError:
        return "the item is lost"
    return "the item arrives"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the item arrives"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
