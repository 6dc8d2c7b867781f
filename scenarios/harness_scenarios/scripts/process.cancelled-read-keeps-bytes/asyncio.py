"""A read that is cancelled around the moment in which a child writes has taken nothing.

API: asyncio.StreamReader.read, Task.cancel.
"""

import asyncio
import sys
import time
from asyncio import new_event_loop  # the event loop under test
from asyncio.subprocess import PIPE


async def main() -> str:
    lost = []
    for turns in range(9):
        child = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
        task = asyncio.create_task(child.stdout.read(10))
        await asyncio.sleep(0)
        child.stdin.write(b"now")
        time.sleep(0.02)  # it writes before the loop has a turn
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        (read,) = await asyncio.gather(task, return_exceptions=True)
        child.stdin.close()
        rest = await asyncio.wait_for(child.stdout.read(), 2)
        if (read if isinstance(read, bytes) else b"") + rest != b"now":
            lost.append(turns)
    return f"bytes are lost, cancelled in turn {lost}" if lost else "all bytes arrive"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "all bytes arrive"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
