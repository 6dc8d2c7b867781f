"""Ctrl-C, pressed again and again, ends a program whose blocking call never returns.

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
    threading.Timer(0.1, os.write, (ready, b"up")).start()
    await asyncio.to_thread(threading.Event().wait)


is_up, ready = os.pipe()
program = os.fork()
if program == 0:
    signal.alarm(8)  # ends what no interrupt ends
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
    sys.exit()
os.read(is_up, 2)
ended, status = 0, 0
while not ended:
    os.kill(program, signal.SIGINT)
    time.sleep(0.1)
    ended, status = os.waitpid(program, os.WNOHANG)
seen = "it runs on" if os.waitstatus_to_exitcode(status) == -signal.SIGALRM else "it ends"
expected = "it ends"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
