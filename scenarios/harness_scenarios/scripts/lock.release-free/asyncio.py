"""Releasing a lock that is not taken is a RuntimeError.

API: asyncio.Lock.release.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    try:
        asyncio.Lock().release()
    except RuntimeError as exc:
        return repr(exc)
    return "release returns"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "RuntimeError('Lock is not acquired.')"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
