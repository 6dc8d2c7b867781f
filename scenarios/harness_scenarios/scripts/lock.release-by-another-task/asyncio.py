"""A lock can be released by another task than its owner.

API: asyncio.Lock.release.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    lock = asyncio.Lock()
    await asyncio.create_task(lock.acquire())
    try:
        lock.release()
    except RuntimeError as exc:
        return repr(exc)
    return f"locked: {lock.locked()}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "locked: False"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
