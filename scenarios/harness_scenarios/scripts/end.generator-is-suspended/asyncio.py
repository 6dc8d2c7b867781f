"""An asynchronous generator that is suspended at the end of a run is closed.

API: asyncio.Runner, loop.shutdown_asyncgens.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test

closed, kept = [], []


async def numbers() -> object:
    try:
        yield 1
        yield 2
    finally:
        closed.append("the generator is closed")


async def main() -> None:
    kept.append(numbers())
    await anext(kept[0])


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    runner.run(main())
seen = closed[0] if closed else "the generator is not closed"
expected = "the generator is closed"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
