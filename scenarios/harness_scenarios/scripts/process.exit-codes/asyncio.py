"""A wait returns the exit code of a child, or its signal, negative.

API: asyncio.subprocess.Process.wait.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    wrong = []
    for script, expected in (("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -9 $$", -9), ("kill -15 $$", -15)):
        child = await asyncio.create_subprocess_exec("sh", "-c", script)
        try:
            code = await asyncio.wait_for(child.wait(), 2)
        except TimeoutError:
            return f"{script}: the wait never ends"
        if code != expected:
            wrong.append(f"{script}: {code}")
    return ", ".join(wrong) or "each as it ended"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "each as it ended"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
