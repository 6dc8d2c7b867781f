"""Ctrl-C ends a program at once, also while a blocking call runs in another thread.

API: threading.Thread(daemon=True), SIGINT.
"""

import contextlib
import os
import signal
import sys
import threading
import time

job = threading.Thread(target=time.sleep, args=(2,), daemon=True)
job.start()
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
started = time.monotonic()
with contextlib.suppress(KeyboardInterrupt):
    job.join()
seen = "the wait ends at once" if time.monotonic() - started < 1.5 else "the wait ends when the call does"
expected = "the wait ends at once"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
