"""Children that end in the same moment: each wait returns the exit code of its own child.

API: asyncio.subprocess.Process.wait.
"""

import asyncio
import os
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    gate, hold = os.pipe()
    start = asyncio.create_subprocess_exec
    children = [await start("sh", "-c", f"read line; exit {number}", stdin=gate) for number in range(20)]
    os.close(gate)
    os.close(hold)  # the end of every child's stdin
    tasks = [asyncio.create_task(child.wait()) for child in children]
    done, _ = await asyncio.wait(tasks, timeout=3)
    if len(done) < len(tasks):
        return f"{len(tasks) - len(done)} waits never end"
    mixed = [task.result() for task in tasks] != list(range(20))
    return "exit codes are mixed up" if mixed else "each has its own exit code"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "each has its own exit code"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
