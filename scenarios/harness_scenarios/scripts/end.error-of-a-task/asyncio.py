"""The error of a task that nothing awaits is reported, at the end of the run at the latest.

API: asyncio.create_task, loop.set_exception_handler.
"""

import asyncio
import gc
import sys
from asyncio import new_event_loop  # the event loop under test

reports = []


async def fail() -> None:
    raise ValueError("planned")


async def main() -> None:
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context.get("exception")))
    asyncio.create_task(fail())
    await asyncio.sleep(0.05)
    gc.collect()


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    runner.run(main())
seen = "it is reported" if any(isinstance(exc, ValueError) for exc in reports) else "it is lost"
expected = "it is reported"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
