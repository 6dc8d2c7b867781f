"""A run outside the main thread has thread jobs and children, and comes to its end.

API: asyncio.Runner in a thread, asyncio.to_thread, asyncio.create_subprocess_exec.
"""

import asyncio
import sys
import threading
from asyncio import new_event_loop  # the event loop under test

seen = []


async def main() -> None:
    await asyncio.to_thread(int)
    child = await asyncio.create_subprocess_exec("sh", "-c", "exit 7")
    seen.append(f"the child ends with {await asyncio.wait_for(child.wait(), 2)}")


def run() -> None:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
    seen.append("the run is over")


thread = threading.Thread(target=run, daemon=True)
thread.start()
thread.join(5)
seen = ", ".join(seen)
expected = "the child ends with 7, the run is over"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
