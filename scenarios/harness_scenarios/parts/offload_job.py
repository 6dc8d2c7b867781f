"""What `offload` hands over: work of a known size and result, which writes down where and when it was done.

The module imports next to nothing, because each process of a pool imports it anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from time import monotonic, perf_counter_ns, sleep
from typing import NamedTuple

_POLL_SECONDS = 0.001
_FACTOR, _INCREMENT, _MODULUS = 1_103_515_245, 12_345, 2**31
UNKNOWN = "unknown"
FAILS_EVERY = 5
"""One job in so many raises; the others return."""


class JobFailedError(Exception):
    """Raised by jobs that fail on purpose; its argument is the job's number."""


class Place(NamedTuple):
    """Where a piece of code runs."""

    process: int
    thread: str
    """The system's name of it, or `UNKNOWN`."""


class Span(NamedTuple):
    """One execution of a job. Times are on the clock that all processes of a system share."""

    job: int
    place: Place
    begin_ns: int
    end_ns: int | None
    """`None` while it runs."""


def find_place() -> Place:
    """Return where the caller runs. Not every system says in which thread."""
    try:
        # The kernel's number, as the interpreter's goes to the next thread when one has ended.
        thread = os.readlink("/proc/thread-self").rpartition("/")[2]  # noqa: PTH115 - a thread is no file
    except OSError:
        thread = UNKNOWN
    return Place(os.getpid(), thread)


def do_job(ledger: str, job: int, steps: int) -> int:
    """Compute for a number of steps and return the result, or raise `JobFailedError` if the job is one that fails.

    Args:
        ledger: Path of the file in which beginning and end are written down.
        job: Number of the job, from which the computation starts.
        steps: Size of the work: a count, so that it is the same on a busy machine.
    """
    _write_down(ledger, job, "begin")
    value = job
    for _ in range(steps):
        value = (value * _FACTOR + _INCREMENT) % _MODULUS
    _write_down(ledger, job, "end")
    if fails(job):
        raise JobFailedError(job)
    return value


def fails(job: int) -> bool:
    """Return whether a job is one of those that raise."""
    return job % FAILS_EVERY == FAILS_EVERY - 1


def foresee(job: int, steps: int) -> int:
    """Return the expected result of `do_job`, from the sum of its geometric series."""
    power = pow(_FACTOR, steps, (_FACTOR - 1) * _MODULUS)
    return (power * job + _INCREMENT * ((power - 1) // (_FACTOR - 1))) % _MODULUS


def _write_down(ledger: str, job: int, what: str) -> None:
    place = find_place()
    line = f"{job} {place.process} {place.thread} {what} {perf_counter_ns()}\n"
    # The file is gone if the job outlives the cell's work, which has been counted by then.
    with suppress(FileNotFoundError):
        descriptor = os.open(ledger, os.O_WRONLY | os.O_APPEND)  # appended as one, whichever process writes
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)


def wait_for_sign(begun: str, sign: str, seconds: float) -> bool:
    """Create the file `begun`, wait until the file `sign` is there, and return whether it came in time."""
    Path(begun).touch()
    end = monotonic() + seconds
    while not Path(sign).exists():
        if monotonic() > end:
            return False
        sleep(_POLL_SECONDS)
    return True


def read_ledger(lines: Iterable[str]) -> list[Span]:
    """Return the executions that a ledger tells of, in the order in which they began."""
    spans: list[Span] = []
    running: dict[tuple[int, Place], int] = {}
    for line in lines:
        job, process, thread, what, at_ns = line.split()
        key = (int(job), Place(int(process), thread))
        if what == "begin":
            running[key] = len(spans)
            spans.append(Span(*key, int(at_ns), None))
        else:
            position = running.pop(key)
            spans[position] = spans[position]._replace(end_ns=int(at_ns))
    return spans
