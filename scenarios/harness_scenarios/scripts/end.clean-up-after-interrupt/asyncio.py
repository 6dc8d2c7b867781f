"""A clean-up with a wait is done after Ctrl-C, and the interrupt then leaves the run.

API: asyncio.Runner, SIGINT.
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
        await asyncio.sleep(0.02)
        seen.append("the clean-up is done")


try:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
except KeyboardInterrupt:
    seen.append("KeyboardInterrupt leaves the run")
seen = ", ".join(seen)
expected = "the clean-up is done, KeyboardInterrupt leaves the run"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
