"""A handler of SIGTERM that calls sys.exit ends the run, with its exit code.

API: signal.signal, asyncio.Runner.
"""

import asyncio
import os
import signal
import sys
import threading
from asyncio import new_event_loop  # the event loop under test

seen = []


async def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
    await asyncio.sleep(2)


try:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
except SystemExit as exc:
    seen.append(f"{exc!r} leaves the run")
seen = ", ".join(seen)
expected = "SystemExit(3) leaves the run"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
