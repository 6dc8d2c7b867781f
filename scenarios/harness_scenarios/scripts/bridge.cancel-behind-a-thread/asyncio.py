"""A thread waits for a call into the loop, and gets its result although the task that started the thread is cancelled.

API: asyncio.run_coroutine_threadsafe, loop.run_in_executor, Future.cancel.
"""

import asyncio
import concurrent.futures
import sys
from asyncio import new_event_loop  # the event loop under test

got = []


async def main() -> None:
    loop, started, go = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

    async def call() -> str:
        started.set()
        await go.wait()
        return "the result of its call"

    def work() -> None:
        got.append(asyncio.run_coroutine_threadsafe(call(), loop).result(5))

    caller = loop.run_in_executor(pool, work)
    await asyncio.wait([asyncio.create_task(started.wait())], timeout=2)
    caller.cancel()
    go.set()
    for _ in range(300):
        await asyncio.sleep(0 if got else 0.01)


with concurrent.futures.ThreadPoolExecutor(1) as pool, asyncio.Runner(loop_factory=new_event_loop) as runner:
    runner.run(main())
seen = f"the thread gets {got[0] if got else 'nothing'}"
expected = "the thread gets the result of its call"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
