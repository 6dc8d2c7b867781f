"""A wait for a child ends, also in a program that ignores SIGCHLD.

API: asyncio.subprocess.Process.wait, signal.SIGCHLD.
"""

import asyncio
import signal
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    child = await asyncio.create_subprocess_exec("sh", "-c", "sleep 0.1; exit 7")
    try:
        code = await asyncio.wait_for(child.wait(), 2)
    except TimeoutError:
        return "the wait never ends"
    print("code:    ", code)  # the system has forgotten it
    return "the wait ends"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the wait ends"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
