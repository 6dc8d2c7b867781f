"""The error of a job reaches its caller as it is.

API: asyncio.to_thread.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


def fail(error: BaseException) -> None:
    raise error


async def main() -> str:
    seen = []
    for error in (ValueError("a job"), SystemExit(3)):
        try:
            await asyncio.to_thread(fail, error)
        except BaseException as exc:
            seen.append("the same error" if exc is error else repr(exc))
    return ", ".join(seen)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the same error, the same error"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
