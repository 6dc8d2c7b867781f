"""Children of a question: small shell scripts, and their state in the process table."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from harness.api import INHERITED, NULL, PIPE, ByteSource, ChildProcess, Redirect, Runtime, processes_of

RUNS, ZOMBIE, GONE = "runs", "is a zombie", "is gone"
"""States of a process."""
UNTIL_TOLD = "read line"
"""A script that waits until its stdin is closed, or has a line."""
_LOOK_AGAIN = 0.002
_CHUNK = 1 << 16


async def start(
    runtime: Runtime,
    script: str,
    *,
    stdin: Redirect = NULL,
    stdout: Redirect = NULL,
    stderr: Redirect = INHERITED,
    **more: Any,
) -> ChildProcess:
    """Start a script of the shell."""
    command = ["sh", "-c", script]
    return await processes_of(runtime).start_process(command, stdin=stdin, stdout=stdout, stderr=stderr, **more)


@asynccontextmanager
async def child_of(runtime: Runtime, script: str, **streams: Any) -> AsyncIterator[ChildProcess]:
    """Start a script, and leave nothing of it behind the block."""
    child = await start(runtime, script, **streams)
    try:
        yield child
    finally:
        await runtime.run_shielded(end, child)


async def end(child: ChildProcess) -> None:
    """Kill a child, close its streams and wait for it."""
    with suppress(ProcessLookupError):
        child.kill()
    for stream in (child.stdin, child.stdout, child.stderr):
        if stream is not None:
            with suppress(OSError):
                await stream.aclose()
    await child.wait()


async def read_all(source: ByteSource | None) -> bytes:
    """Read a stream to its end."""
    assert source is not None
    received = bytearray()
    while chunk := await source.receive_some(_CHUNK):
        received += chunk
    return bytes(received)


async def read_number(source: ByteSource | None) -> int:
    """Read a line with a number: a process id that a script has printed."""
    assert source is not None
    line = b""
    while not line.endswith(b"\n"):
        line += await source.receive_some(100)
    return int(line)


async def tell(child: ChildProcess) -> None:
    """Let a waiting script continue, by closing its stdin."""
    assert child.stdin is not None
    await child.stdin.aclose()


def state_of(pid: int) -> str:
    """Return the current state of a process: `RUNS`, `ZOMBIE` or `GONE`."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return GONE
    return ZOMBIE if stat.rpartition(")")[2].split()[0] in "ZX" else RUNS


def list_children() -> set[int]:
    """Return the children that this process has now, zombies too."""
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # a thread that has ended meanwhile
            found |= {int(pid) for pid in (task / "children").read_text(encoding="ascii").split()}
    return found


def count_descriptors() -> int:
    """Return how many descriptors are open."""
    return len(os.listdir("/dev/fd"))  # noqa: PTH208 - names, not paths


def count_threads() -> int:
    """Return how many threads this process has."""
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - names, not paths


async def until(runtime: Runtime, is_so: Callable[[], bool], seconds: float) -> bool:
    """Poll for a change outside of the runtime, which has no event for it. Return whether it came in time."""
    latest = time.monotonic() + seconds
    while not (so := is_so()) and time.monotonic() < latest:
        await runtime.sleep(_LOOK_AGAIN)
    return so


def wait_blocking(is_so: Callable[[], bool], seconds: float = 3.0) -> bool:
    """Poll like `until` but block the scheduler, so that the runtime learns of the change only later."""
    latest = time.monotonic() + seconds
    while not (so := is_so()) and time.monotonic() < latest:
        time.sleep(_LOOK_AGAIN)
    return so


async def ends_within(runtime: Runtime, seconds: float, call: Callable[[], Awaitable[object]]) -> bool:
    """Return whether a call ends in time; it is cancelled if not."""
    async with runtime.move_on_after(seconds):
        await call()
        return True
    return False


__all__ = [
    "GONE",
    "INHERITED",
    "NULL",
    "PIPE",
    "RUNS",
    "UNTIL_TOLD",
    "ZOMBIE",
    "child_of",
    "count_descriptors",
    "count_threads",
    "end",
    "ends_within",
    "list_children",
    "read_all",
    "read_number",
    "start",
    "state_of",
    "tell",
    "until",
    "wait_blocking",
]
