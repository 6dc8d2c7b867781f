"""The caller of a job that raises StopIteration gets an error.

API: asyncio.to_thread (gh-112182).
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


def fail() -> None:
    raise StopIteration


async def main() -> str:
    try:
        await asyncio.wait_for(asyncio.to_thread(fail), 2)
    except TimeoutError:
        return "the call never returns"
    except RuntimeError as exc:
        print(f"raised    {exc!r}")
        return "an error"
    return "returns"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "an error"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
