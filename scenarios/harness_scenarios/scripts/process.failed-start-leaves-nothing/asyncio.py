"""Starts that fail leave no descriptor behind.

API: asyncio.create_subprocess_exec.
"""

import asyncio
import contextlib
import os
import sys
from asyncio import new_event_loop  # the event loop under test
from asyncio.subprocess import PIPE


async def main() -> str:
    await (await asyncio.create_subprocess_exec("true")).wait()
    before = len(os.listdir("/dev/fd"))
    for _ in range(10):
        with contextlib.suppress(FileNotFoundError):
            await asyncio.create_subprocess_exec("/nonexistent", stdin=PIPE, stdout=PIPE, stderr=PIPE)
    await asyncio.sleep(0.05)
    left = len(os.listdir("/dev/fd")) - before
    return "descriptors stay open" if left >= 10 else "nothing is left behind"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "nothing is left behind"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
