"""A wait of a thread that times out leaves the job running, and its result is there later.

API: asyncio.run_coroutine_threadsafe, concurrent.futures.Future.result.
"""

import asyncio
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    loop, seen = asyncio.get_running_loop(), []

    def ask() -> None:
        call = asyncio.run_coroutine_threadsafe(asyncio.sleep(0.2, "the result"), loop)
        for seconds in (0.02, 2):
            try:
                seen.append(call.result(seconds))
            except TimeoutError:
                seen.append("a time-out")

    thread = threading.Thread(target=ask)
    thread.start()
    while thread.is_alive():
        await asyncio.sleep(0.01)
    return ", then ".join(seen)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "a time-out, then the result"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
