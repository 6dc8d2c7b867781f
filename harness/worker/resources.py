"""Resource usage of a role while its scenario runs, as far as the system reports it."""

from __future__ import annotations

import sys
from resource import RUSAGE_SELF, getrusage
from time import perf_counter

from harness.model.outcome import Resources

_SWITCHES = "voluntary_ctxt_switches:"
_PEAK = "VmHWM:"


class ResourceMeter:
    """Reads when it is made, and once more at the end."""

    def __init__(self) -> None:
        self._run_delay = read_run_delay()
        self._used = getrusage(RUSAGE_SELF)
        self._start = perf_counter()

    def read(self) -> Resources:
        """Return the usage since this was made."""
        wall, used, before = perf_counter() - self._start, getrusage(RUSAGE_SELF), self._used
        run_delay = read_run_delay()
        status = _read_status()
        # A system with /proc that does not list the switches there does not count them, and getrusage says 0.
        counts_switches = _SWITCHES in status or not status
        return Resources(
            wall=wall,
            user=used.ru_utime - before.ru_utime,
            system=used.ru_stime - before.ru_stime,
            run_delay=None if run_delay is None or self._run_delay is None else run_delay - self._run_delay,
            voluntary_switches=used.ru_nvcsw - before.ru_nvcsw if counts_switches else None,
            involuntary_switches=used.ru_nivcsw - before.ru_nivcsw if counts_switches else None,
            peak_rss_bytes=find_peak(status) if status else used.ru_maxrss if sys.platform == "darwin" else None,
        )


def read_run_delay(path: str = "/proc/self/schedstat") -> float | None:
    """Return for how many seconds the first thread has been ready and did not run, if the kernel counts that."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a worker has no pathlib
            on_cpu_ns, waited_ns, slices = map(int, file.read().split())
    except (OSError, ValueError):
        return None
    # The thread that reads this runs, so without a single slice the counter does not count.
    return waited_ns / 1e9 if on_cpu_ns or waited_ns or slices else None


def find_peak(status: str) -> int | None:
    """Return the largest resident size in the text of /proc/PID/status, in bytes.

    Not what getrusage says: on Linux that is at least the size of the process that started this one.
    """
    for line in status.splitlines():
        if line.startswith(_PEAK):
            return int(line.split()[1]) * 1024
    return None


def _read_status() -> str:
    try:
        with open("/proc/self/status", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return ""
