"""Ctrl-C, pressed four times, ends a program whose blocking call never returns.

API: trio.to_thread.run_sync, trio.run, SIGINT.
"""

import signal
import subprocess
import sys
import time

PROGRAM = """
import threading, trio
print("up", flush=True)
trio.run(trio.to_thread.run_sync, threading.Event().wait)
"""
program = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
program.stdout.readline()
for _ in range(4):
    time.sleep(0.5)
    program.send_signal(signal.SIGINT)
time.sleep(0.5)
seen = "it ends" if program.poll() is not None else "it runs on"
program.kill()
expected = "it ends"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
