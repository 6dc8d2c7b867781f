"""An asynchronous generator that is suspended at the end is closed, and its clean-up is waited for.

API: loop.shutdown_asyncgens.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test
from collections.abc import AsyncGenerator


async def numbers(steps: list[str]) -> AsyncGenerator[int, None]:
    try:
        yield 1
    finally:
        steps.append("begins its clean-up")
        await asyncio.sleep(0.01)
        steps.append("completes it")


async def main(steps: list[str]) -> None:
    generators.append(numbers(steps))
    await anext(generators[0])


generators: list[AsyncGenerator[int, None]] = []
steps: list[str] = []
with asyncio.Runner(loop_factory=new_event_loop) as runner:
    runner.run(main(steps))
seen, expected = ", ".join(steps), "begins its clean-up, completes it"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
