"""A task waits for a thread that waits for the loop, five deep, and every call comes back.

API: asyncio.to_thread, asyncio.run_coroutine_threadsafe.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    loop = asyncio.get_running_loop()

    async def descend(left: int) -> int:
        return 1 + (await asyncio.to_thread(ascend, left) or 0) if left else 0

    def ascend(left: int) -> int:
        return asyncio.run_coroutine_threadsafe(descend(left - 1), loop).result(2)

    try:
        return f"{await asyncio.wait_for(descend(5), 3)} of 5 calls come back"
    except TimeoutError:
        return "the calls wait for each other"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "5 of 5 calls come back"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
