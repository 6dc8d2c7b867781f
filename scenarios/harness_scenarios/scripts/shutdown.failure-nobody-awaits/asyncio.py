"""The error of a task that nothing awaits reaches the loop's exception handler.

API: loop.set_exception_handler, asyncio.create_task.
"""

import asyncio
import gc
import sys
from asyncio import new_event_loop  # the event loop under test


async def fail() -> None:
    raise ValueError("a task that nothing awaits")


async def main() -> str:
    reports = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reports.append(context.get("exception")))
    task = asyncio.create_task(fail())
    await asyncio.sleep(0.01)
    del task
    gc.collect()
    await asyncio.sleep(0.01)
    return repr(reports)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "[ValueError('a task that nothing awaits')]"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
