"""Signals to the main thread, and whether it is at rest."""

from __future__ import annotations

import re
import signal
import threading
from pathlib import Path


def interrupt_main_thread() -> None:
    """Send the signal of Ctrl-C to the main thread, which wakes it from whatever call it waits in."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def count_waits_of_main_thread() -> int | None:
    """Return how often the main thread has begun to wait so far, or `None` where the system does not say."""
    try:
        status = Path(f"/proc/self/task/{threading.main_thread().native_id}/status").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status, re.MULTILINE)
    return int(found[1]) if found else None


def is_main_thread_asleep() -> bool:
    """Return whether the main thread is waiting in the kernel just now; `False` where the system does not say."""
    try:
        stat = Path(f"/proc/self/task/{threading.main_thread().native_id}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] == "S"
