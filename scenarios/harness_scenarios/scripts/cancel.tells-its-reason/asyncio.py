"""The message of Task.cancel(msg) is in the CancelledError.

API: Task.cancel(msg).
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def work() -> str:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError as exc:
        return repr(exc)


async def main() -> str:
    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel("the reason")
    return await asyncio.wait_for(task, 3)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "CancelledError('the reason')"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
