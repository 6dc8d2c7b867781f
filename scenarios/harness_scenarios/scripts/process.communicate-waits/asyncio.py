"""communicate waits for the process, also if the process closes its stdout early.

API: asyncio.subprocess.Process.communicate, Process.returncode.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test
from asyncio.subprocess import PIPE


async def main() -> str:
    child = await asyncio.create_subprocess_exec("sh", "-c", "exec >&-; sleep 0.2; exit 7", stdout=PIPE)
    try:
        await asyncio.wait_for(child.communicate(), 2)
    except TimeoutError:
        return "communicate never ends"
    return f"the exit code is {child.returncode}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the exit code is 7"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
