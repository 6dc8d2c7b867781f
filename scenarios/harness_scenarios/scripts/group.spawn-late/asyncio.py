"""create_task on a TaskGroup that has ended raises RuntimeError.

API: asyncio.TaskGroup.create_task.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    async with asyncio.TaskGroup() as group:
        pass
    late = asyncio.sleep(0)
    try:
        group.create_task(late)
    except RuntimeError as exc:
        late.close()
        print(f"raised    {exc!r}")
        return "RuntimeError"
    return "the task is started"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "RuntimeError"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
