"""SIGTERM ends a program at once, also while a blocking call runs in a thread.

API: asyncio.to_thread, asyncio.Runner, SIGTERM.
"""

import asyncio
import os
import signal
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


async def main() -> None:
    threading.Timer(0.1, os.write, (ready, b"up")).start()
    await asyncio.to_thread(threading.Event().wait)


is_up, ready = os.pipe()
program = os.fork()
if program == 0:
    signal.alarm(5)  # ends what SIGTERM does not end
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
    sys.exit()
os.read(is_up, 2)
os.kill(program, signal.SIGTERM)
_, status = os.waitpid(program, 0)
seen = "it ends by SIGTERM" if os.waitstatus_to_exitcode(status) == -signal.SIGTERM else "it runs on"
expected = "it ends by SIGTERM"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
