"""Any number of tasks may wait for a child, and each sees its exit code.

API: asyncio.subprocess.Process.wait.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    child = await asyncio.create_subprocess_exec("sh", "-c", "sleep 0.1; exit 7")
    tasks = [asyncio.create_task(child.wait()) for _ in range(30)]
    done, _ = await asyncio.wait(tasks, timeout=2)
    return f"{len(done)} of 30 waits end, with the exit codes { {task.result() for task in done} }"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "30 of 30 waits end, with the exit codes {7}"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
