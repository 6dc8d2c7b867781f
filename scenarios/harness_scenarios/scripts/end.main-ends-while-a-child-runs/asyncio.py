"""A main function that exits beside a child that nothing waits for gives the run its exit code.

API: asyncio.create_subprocess_exec, asyncio.Runner, sys.exit.
"""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio import new_event_loop  # the event loop under test

children = []
seen = "the run returns"


async def main() -> None:
    children.append(await asyncio.create_subprocess_exec("sleep", "60"))
    waiter = asyncio.create_task(children[0].wait())
    await asyncio.sleep(0.05)
    waiter.cancel()
    sys.exit(3)


try:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
except SystemExit as exc:
    seen = f"exit {exc.code}"
with contextlib.suppress(ProcessLookupError):
    os.kill(children[0].pid, signal.SIGKILL)
expected = "exit 3"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
