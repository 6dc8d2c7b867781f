"""A coroutine that a thread has run by the loop, and cancels, is cancelled.

API: asyncio.run_coroutine_threadsafe, concurrent.futures.Future.cancel.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    started, ended = asyncio.Event(), []

    async def work() -> None:
        started.set()
        try:
            await asyncio.sleep(0.5)
            ended.append("runs on")
        except asyncio.CancelledError:
            ended.append("is cancelled")
            raise

    call = asyncio.run_coroutine_threadsafe(work(), asyncio.get_running_loop())
    await started.wait()
    accepted = call.cancel()
    await asyncio.sleep(1)
    return f"cancel returns {accepted}, and the job {ended[0]}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "cancel returns True, and the job is cancelled"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
