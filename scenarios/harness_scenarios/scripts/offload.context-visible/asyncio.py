"""A job sees the context variables of its caller, and its changes stay its own.

API: asyncio.to_thread.
"""

import asyncio
import contextvars
import sys
from asyncio import new_event_loop  # the event loop under test

owner = contextvars.ContextVar("owner", default="nobody")


def read_and_change() -> str:
    seen = owner.get()
    owner.set("job")
    return seen


async def main() -> str:
    owner.set("caller")
    return f"the job sees {await asyncio.to_thread(read_and_change)}, the caller sees {owner.get()}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the job sees caller, the caller sees caller"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
