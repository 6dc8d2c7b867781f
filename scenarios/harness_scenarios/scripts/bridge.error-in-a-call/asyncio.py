"""An error in a call that a thread asked for is reported, and later calls are made.

API: asyncio.loop.call_soon_threadsafe, loop.set_exception_handler.
"""

import asyncio
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


def fail() -> None:
    raise ValueError("planned")


async def main() -> str:
    loop, over, reports = asyncio.get_running_loop(), asyncio.Event(), []
    loop.set_exception_handler(lambda _, context: reports.append(context.get("exception")))

    def ask() -> None:
        loop.call_soon_threadsafe(fail)
        loop.call_soon_threadsafe(over.set)

    threading.Thread(target=ask).start()
    try:
        await asyncio.wait_for(over.wait(), 1)
    except TimeoutError:
        return "later calls are not made"
    return "it is reported" if any(isinstance(exc, ValueError) for exc in reports) else "it is lost"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "it is reported"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
