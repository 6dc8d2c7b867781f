"""A task that computes without waiting holds the others up until it ends.

API: asyncio.create_task.
"""

import asyncio
import sys
import time
from asyncio import new_event_loop  # the event loop under test


async def run(name: str, turns: list[str], count: int) -> None:
    for _ in range(count):
        turns.append(name)
        await asyncio.sleep(0)


async def main() -> str:
    turns: list[str] = []
    other = asyncio.create_task(run("other", turns, 10))
    until = time.perf_counter() + 0.1
    while time.perf_counter() < until:
        pass
    during = len(turns)
    await asyncio.wait_for(other, 3)
    return f"turns of the other task: {during} while it computes, {len(turns)} in all"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "turns of the other task: 0 while it computes, 10 in all"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
