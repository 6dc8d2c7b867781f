"""A coroutine that is never awaited does not run, and is warned of.

API: RuntimeWarning: coroutine was never awaited.
"""

import asyncio
import gc
import sys
import warnings
from asyncio import new_event_loop  # the event loop under test

runs = []


async def work() -> None:
    runs.append(1)


async def main() -> None:
    work()
    await asyncio.sleep(0)
    gc.collect()


with warnings.catch_warnings(record=True) as given, asyncio.Runner(loop_factory=new_event_loop) as runner:
    warnings.simplefilter("always")
    runner.run(main())
warned = any("never awaited" in str(warning.message) for warning in given)
seen = f"it {'runs' if runs else 'does not run'}, and is {'warned of' if warned else 'not warned of'}"
expected = "it does not run, and is warned of"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
