"""Notifying without the lock is a RuntimeError.

API: asyncio.Condition.notify.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    try:
        asyncio.Condition().notify()
    except RuntimeError as exc:
        return repr(exc)
    return "notify returns"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "RuntimeError('cannot notify on un-acquired lock')"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
