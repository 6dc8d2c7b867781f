"""The finally of an async generator that is dropped after a break runs.

API: loop.create_task in the hook of sys.set_asyncgen_hooks.
"""

import asyncio
import gc
import sys
from asyncio import new_event_loop  # the event loop under test
from collections.abc import AsyncGenerator


async def numbers(steps: list[str]) -> AsyncGenerator[int, None]:
    try:
        yield 1
    finally:
        await asyncio.sleep(0)
        steps.append("finally")


async def main() -> str:
    steps: list[str] = []
    async for _ in numbers(steps):
        break
    gc.collect()
    await asyncio.sleep(0.05)
    return str(steps)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "['finally']"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
