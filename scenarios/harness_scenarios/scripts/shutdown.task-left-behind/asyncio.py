"""A task that the main function leaves behind is cancelled, and its clean-up is waited for.

API: asyncio.Runner, asyncio.create_task.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def wait(steps: list[str]) -> None:
    try:
        await asyncio.sleep(60)
    finally:
        steps.append("begins its clean-up")
        await asyncio.sleep(0.01)
        steps.append("completes it")


async def main(steps: list[str]) -> None:
    tasks.append(asyncio.create_task(wait(steps)))
    await asyncio.sleep(0)


tasks: list[asyncio.Task[None]] = []
steps: list[str] = []
with asyncio.Runner(loop_factory=new_event_loop) as runner:
    runner.run(main(steps))
seen, expected = ", ".join(steps), "begins its clean-up, completes it"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
