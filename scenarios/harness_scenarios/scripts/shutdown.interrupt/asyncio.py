"""Ctrl-C cancels the main task, which can clean up, and then KeyboardInterrupt leaves the run.

API: asyncio.Runner.run, SIGINT.
"""

import asyncio
import faulthandler
import os
import signal
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> None:
    asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), signal.SIGINT)
    try:
        await asyncio.sleep(3)
    finally:
        print("the main task cleans up")


expected = "KeyboardInterrupt()"
faulthandler.dump_traceback_later(5, exit=True)  # a loop that does not stop exits with 1
seen = "returned"
try:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
except BaseException as exc:
    seen = repr(exc)
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
