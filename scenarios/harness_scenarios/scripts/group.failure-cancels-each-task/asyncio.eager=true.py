"""A group cancels the task that starts another one, which fails at once.

API: asyncio.TaskGroup with eager tasks, Python 3.12 and later (gh-128550).
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def fail() -> None:
    raise ValueError


async def start(group: asyncio.TaskGroup) -> None:
    group.create_task(fail())
    await asyncio.Event().wait()


async def run() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(start(group))


def make_task(loop: asyncio.AbstractEventLoop, coro: object, **options: object) -> asyncio.Task:
    eager = {"eager_start": True} if sys.version_info >= (3, 12) else {}
    return asyncio.Task(coro, loop=loop, **options | eager)


async def main() -> str:
    asyncio.get_running_loop().set_task_factory(make_task)
    task = asyncio.create_task(run())
    done, _ = await asyncio.wait([task], timeout=2)
    return f"the group ends: {bool(done) and bool(task.exception())}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the group ends: True"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
