"""A sleep for a time that is not a number is refused.

API: asyncio.sleep.
"""

import asyncio
import math
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    try:
        await asyncio.wait_for(asyncio.sleep(math.nan), 0.5)
    except TimeoutError:
        return "neither refused nor over after 0.5 s"
    except ValueError as exc:
        print(f"raised    {exc!r}")
        return "a ValueError"
    return "returns"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "a ValueError"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
