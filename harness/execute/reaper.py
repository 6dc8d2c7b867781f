"""Outlives the runner by a moment: a program that ends the processes that a killed runner left behind.

The kernel kills the workers of a runner that dies, but not the processes that those had started. They inherit an
environment that names their run. This program reads a pipe whose only writer is the runner; at its end without a
farewell it kills whatever names the run, until nothing does. It is run as a file and imports nothing of harness.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

RUN_VARIABLE = "HARNESS_RUN_TOKEN"
FAREWELL = b"bye"
_MOST_SECONDS = 10.0
_QUIET_SECONDS = 1.0
"""Without a marked process for so long, it ends. One that is just being started has no environment for a moment, which
is long on a busy machine."""


def main(token: str) -> None:
    """Wait for the end of the runner, then see to it that it is the end of its processes."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    said = b""
    while part := os.read(0, 64):
        said += part
    if said.endswith(FAREWELL):
        return
    mark = f"{RUN_VARIABLE}={token}".encode()
    now = seen = time.monotonic()
    deadline = now + _MOST_SECONDS
    while now - seen < _QUIET_SECONDS and now < deadline:
        left = marked(mark)
        now = time.monotonic()
        seen = now if left else seen
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
        time.sleep(0.02)


def marked(mark: bytes) -> list[int]:
    """Return the other processes whose environment has this entry."""
    found = []
    own = str(os.getpid())  # one that was started in the place of another has the entry too
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != own:
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue  # it has ended, or belongs to another user
            if mark in environment.split(b"\0"):
                found.append(int(entry.name))
    return found


if __name__ == "__main__":
    main(sys.argv[1])
