"""A wait for a child ends with the child, also while a process of its own holds its stdout.

API: asyncio.subprocess.Process.wait.
"""

import asyncio
import sys
import time
from asyncio import new_event_loop  # the event loop under test
from asyncio.subprocess import PIPE


async def main() -> str:
    child = await asyncio.create_subprocess_exec("sh", "-c", "sleep 3 2>/dev/null & sleep 0.2", stdout=PIPE)
    started = time.monotonic()
    await child.wait()
    return "it ends with the child" if time.monotonic() - started < 2 else "it waits for the pipe"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "it ends with the child"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
