"""Other tasks run while a job blocks in a thread.

API: asyncio.to_thread, loop.run_in_executor.
"""

import asyncio
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    gate = threading.Event()
    job = asyncio.create_task(asyncio.to_thread(gate.wait, 3))
    await asyncio.sleep(0.05)
    gate.set()
    return f"the job was let go by a task: {await job}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the job was let go by a task: True"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
