"""A clean-up after Ctrl-C may run a thread job and start a child.

API: asyncio.Runner, asyncio.to_thread, asyncio.create_subprocess_exec.
"""

import asyncio
import os
import signal
import sys
import threading
from asyncio import new_event_loop  # the event loop under test

seen = []


async def main() -> None:
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        await asyncio.sleep(5)
    finally:
        await asyncio.to_thread(int)
        await asyncio.wait_for((await asyncio.create_subprocess_exec("true")).wait(), 2)
        seen.append("the work is done")


try:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
except TimeoutError:
    pass
except KeyboardInterrupt:
    seen.append("KeyboardInterrupt leaves the run")
seen = ", ".join(seen)
expected = "the work is done, KeyboardInterrupt leaves the run"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
