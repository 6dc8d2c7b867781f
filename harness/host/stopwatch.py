"""How long something takes, and how much longer than its CPU time."""

from __future__ import annotations

import time


class Stopwatch:
    """Starts when it is made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.monotonic(), time.process_time()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._wall

    @property
    def slowness(self) -> float:
        """Seconds that passed for each second of CPU time of this process, at least 1: others have the CPU as well."""
        return max(1.0, self.seconds / max(1e-3, time.process_time() - self._cpu))
