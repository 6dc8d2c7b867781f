"""A wait that is cancelled around the end of a child does not lose its exit code.

API: asyncio.subprocess.Process.wait, Task.cancel.
"""

import asyncio
import sys
import time
from asyncio import new_event_loop  # the event loop under test
from asyncio.subprocess import PIPE


async def main() -> str:
    codes = set()
    for turns in range(9):
        child = await asyncio.create_subprocess_exec("sh", "-c", "read line; exit 7", stdin=PIPE)
        task = asyncio.create_task(child.wait())
        await asyncio.sleep(0)
        child.stdin.write(b"go\n")
        time.sleep(0.02)  # it ends before the loop has a turn
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        try:
            codes.add(await asyncio.wait_for(child.wait(), 1))
        except TimeoutError:
            return "the next wait never ends"
    return f"the next wait returns {codes}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the next wait returns {7}"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
