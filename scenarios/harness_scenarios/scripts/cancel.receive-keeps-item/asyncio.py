"""An item is not lost when its receiver is cancelled in the turn in which it arrives.

API: asyncio.Queue.get, Task.cancel.
"""

import asyncio
import contextlib
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    queue: asyncio.Queue[str] = asyncio.Queue()
    receiver = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put_nowait("item")
    receiver.cancel()
    await asyncio.wait([receiver], timeout=3)
    got = "the cancelled receiver" if not receiver.cancelled() else "nothing"
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(queue.get(), 0.5)
        got = "the next receiver"
    return f"{got} has the item"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the next receiver has the item"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
