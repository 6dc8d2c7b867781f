"""sys.exit in a task of a TaskGroup ends the run.

API: asyncio.TaskGroup, SystemExit.
"""

import asyncio
import faulthandler
import sys
from asyncio import new_event_loop  # the event loop under test


async def exit_with_3() -> None:
    sys.exit(3)


async def main() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(exit_with_3())


expected = "SystemExit(3)"
faulthandler.dump_traceback_later(5, exit=True)  # a loop that does not stop exits with 1
seen = "returned"
try:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
except BaseException as exc:
    seen = repr(exc)
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
