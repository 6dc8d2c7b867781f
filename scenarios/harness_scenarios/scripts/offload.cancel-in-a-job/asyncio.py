"""A task that is cancelled while it waits for a job leaves at once; the job runs on.

API: asyncio.to_thread, Task.cancel.
"""

import asyncio
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    gate = threading.Event()
    caller = asyncio.create_task(asyncio.to_thread(gate.wait, 3))
    await asyncio.sleep(0.05)
    caller.cancel()
    await asyncio.wait([caller], timeout=1)
    has_left = caller.done() and caller.cancelled()
    gate.set()
    return f"the caller has left: {has_left}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the caller has left: True"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
