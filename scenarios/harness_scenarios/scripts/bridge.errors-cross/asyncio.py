"""A thread gets the error of the coroutine that it has run by the loop.

API: asyncio.run_coroutine_threadsafe.
"""

import asyncio
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


async def fail() -> None:
    raise ValueError("planned")


async def main() -> str:
    loop, seen = asyncio.get_running_loop(), []

    def ask() -> None:
        try:
            seen.append(asyncio.run_coroutine_threadsafe(fail(), loop).result(1))
        except Exception as exc:
            seen.append(repr(exc))

    thread = threading.Thread(target=ask)
    thread.start()
    while thread.is_alive():
        await asyncio.sleep(0.01)
    return f"the thread gets {seen[0]}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the thread gets ValueError('planned')"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
