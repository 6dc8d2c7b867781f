"""Ctrl-C ends a program at once, also while a blocking call runs in a thread.

API: asyncio.to_thread, asyncio.Runner, SIGINT.
"""

import asyncio
import os
import signal
import sys
import threading
import time
from asyncio import new_event_loop  # the event loop under test


async def main() -> None:
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    await asyncio.to_thread(time.sleep, 2)


started = time.monotonic()
try:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
except KeyboardInterrupt:
    pass
seen = "the run ends at once" if time.monotonic() - started < 1.5 else "the run ends when the call does"
expected = "the run ends at once"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
