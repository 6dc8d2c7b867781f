"""A main function that exits beside an abandoned thread job gives the run its exit code; the run waits for the job.

API: asyncio.to_thread, asyncio.Runner, sys.exit.
"""

import asyncio
import sys
import threading
import time
from asyncio import new_event_loop  # the event loop under test

steps = []
begun = threading.Event()


def work() -> None:
    begun.set()
    time.sleep(0.2)
    steps.append("the job is done")


async def main() -> None:
    job = asyncio.create_task(asyncio.to_thread(work))
    await asyncio.sleep(0)
    begun.wait(5)
    job.cancel()
    sys.exit(3)


try:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
except SystemExit as exc:
    steps.append(f"exit {exc.code}")
seen = ", ".join(steps)
expected = "the job is done, exit 3"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
