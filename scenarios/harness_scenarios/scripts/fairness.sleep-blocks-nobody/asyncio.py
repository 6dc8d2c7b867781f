"""A task that is ready runs during each short sleep of another one.

API: asyncio.sleep.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def run(name: str, turns: list[str], count: int) -> None:
    for _ in range(count):
        turns.append(name)
        await asyncio.sleep(0)


async def main() -> str:
    turns: list[str] = []
    busy = asyncio.create_task(run("busy", turns, 100_000))
    starved = 0
    for _ in range(10):
        before = len(turns)
        await asyncio.sleep(0.001)
        starved += len(turns) == before
    busy.cancel()
    return f"sleeps during which the other task did not run: {starved} of 10"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "sleeps during which the other task did not run: 0 of 10"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
