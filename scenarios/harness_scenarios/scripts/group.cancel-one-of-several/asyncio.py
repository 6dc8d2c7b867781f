"""One task of several is cancelled: that one ends, and the others run on.

API: Task.cancel, asyncio.TaskGroup.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    wrong = []
    for position in range(3):
        event = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(event.wait()) for _ in range(3)]
            await asyncio.sleep(0.01)
            tasks[position].cancel()
            await asyncio.wait([tasks[position]], timeout=1)
            event.set()
        if [task.cancelled() for task in tasks] != [number == position for number in range(3)]:
            wrong.append(position)
    return f"positions with another outcome: {wrong}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "positions with another outcome: []"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
