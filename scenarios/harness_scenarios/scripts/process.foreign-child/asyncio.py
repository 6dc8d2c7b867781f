"""A loop that waits for its own child leaves the exit codes of other children alone.

API: asyncio.create_subprocess_exec beside subprocess.Popen.
"""

import asyncio
import subprocess
import sys
import time
from asyncio import new_event_loop  # the event loop under test
from asyncio.subprocess import PIPE


async def main() -> str:
    child = await asyncio.create_subprocess_exec("sh", "-c", "read line", stdin=PIPE)
    others = [subprocess.Popen(["sh", "-c", "exit 7"]) for _ in range(3)]
    time.sleep(0.1)  # they have ended
    await asyncio.sleep(0.02)
    await child.communicate(b"go\n")
    return f"the others' exit codes are {sorted({other.wait() for other in others})}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the others' exit codes are [7]"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
