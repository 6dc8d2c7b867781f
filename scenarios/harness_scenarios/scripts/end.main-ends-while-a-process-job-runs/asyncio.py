"""A main function that exits beside an abandoned process job gives the run its exit code; the pool can be shut down.

API: loop.run_in_executor, concurrent.futures.ProcessPoolExecutor, asyncio.Runner, sys.exit.
"""

import asyncio
import sys
import time
from asyncio import new_event_loop  # the event loop under test
from concurrent.futures import ProcessPoolExecutor

seen = "the run returns"


async def main() -> None:
    job = asyncio.get_running_loop().run_in_executor(pool, time.sleep, 0.2)
    await asyncio.sleep(0.05)
    job.cancel()
    sys.exit(3)


with ProcessPoolExecutor(1) as pool:
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(main())
    except SystemExit as exc:
        seen = f"exit {exc.code}"
expected = "exit 3"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
