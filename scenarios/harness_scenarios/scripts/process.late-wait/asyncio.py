"""A child that ended before anything waits for it: each wait returns its exit code.

API: asyncio.subprocess.Process.wait.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    child = await asyncio.create_subprocess_exec("sh", "-c", "exit 7")
    await asyncio.sleep(0.2)  # it has ended
    try:
        codes = [await asyncio.wait_for(child.wait(), 1) for _ in range(2)]
    except TimeoutError:
        return "the wait never ends"
    return f"{codes}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "[7, 7]"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
