"""Tasks that are always ready run once each before any runs twice.

API: asyncio.create_task, asyncio.sleep(0).
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
    await asyncio.gather(*(run(name, turns, 50) for name in "abcdefghij"))
    return "turn by turn" if "".join(turns) == "abcdefghij" * 50 else "".join(turns)[:60]


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "turn by turn"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
