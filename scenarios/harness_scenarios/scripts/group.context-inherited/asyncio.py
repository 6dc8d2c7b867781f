"""A task sees the context variables of its parent, and its changes stay its own.

API: asyncio.TaskGroup.create_task, contextvars.
"""

import asyncio
import contextvars
import sys
from asyncio import new_event_loop  # the event loop under test

owner = contextvars.ContextVar("owner", default="nobody")


async def read_and_change() -> str:
    seen = owner.get()
    owner.set("child")
    return seen


async def main() -> str:
    owner.set("parent")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(read_and_change())
    return f"the child sees {task.result()}, the parent sees {owner.get()}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the child sees parent, the parent sees parent"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
