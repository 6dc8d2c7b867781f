"""A start that is cancelled in any of its turns leaves no process behind.

API: asyncio.create_subprocess_exec, Task.cancel.
"""

import asyncio
import os
import sys
from asyncio import new_event_loop  # the event loop under test
from pathlib import Path


def children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


async def main() -> str:
    for turns in range(9):
        start = asyncio.create_task(asyncio.create_subprocess_exec("sleep", "60", stdout=asyncio.subprocess.PIPE))
        for _ in range(turns):
            await asyncio.sleep(0)
        start.cancel()
        await asyncio.wait([start])
        if not start.cancelled():
            start.result().kill()
    for _ in range(300):
        await asyncio.sleep(0.01 if children() else 0)
    left = children()
    for pid in left:
        os.kill(int(pid), 9)
    return f"{len(left)} processes are left"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "0 processes are left"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
