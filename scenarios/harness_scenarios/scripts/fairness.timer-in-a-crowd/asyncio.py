"""A timer that is due fires within a few turns of five tasks that are always ready.

API: loop.call_later, asyncio.sleep(0).
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
    crowd = [asyncio.create_task(run("busy", turns, 20_000)) for _ in range(5)]
    await asyncio.sleep(0)
    fired: list[int] = []
    asyncio.get_running_loop().call_later(0.005, lambda: fired.append(len(turns)))
    until = time.perf_counter() + 0.008
    while time.perf_counter() < until:
        pass  # the timer is overdue when the loop runs again
    before = len(turns)
    await asyncio.gather(*crowd)
    return (
        "within 10 turns of each" if fired and fired[0] - before <= 50 else f"after {fired and fired[0] - before} turns"
    )


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "within 10 turns of each"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
