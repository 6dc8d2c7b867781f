"""The caller of a shielded call leaves when it is cancelled; the call runs on.

API: asyncio.shield, Task.cancel.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def work(steps: list[str]) -> None:
    await asyncio.sleep(0.05)
    steps.append("the call ends")


async def call(steps: list[str]) -> None:
    try:
        await asyncio.shield(work(steps))
    finally:
        steps.append("the caller leaves")


async def main() -> str:
    steps: list[str] = []
    task = asyncio.create_task(call(steps))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task], timeout=3)
    await asyncio.sleep(0.1)
    return str(steps)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "['the caller leaves', 'the call ends']"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
