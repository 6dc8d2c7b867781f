"""Processes that do nothing but spin, beside a cell: `--perturb cpu-hog`."""

from __future__ import annotations

import subprocess
import sys
from types import TracebackType
from typing import Self

from . import posix

_SPIN = "while True: pass"


class CpuHogs:
    """Spins in `number` processes while the block runs."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        for _ in range(self._number):
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "-I", "-S", "-c", _SPIN],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    preexec_fn=posix.die_with_parent(),  # noqa: PLW1509 - the runner has one thread
                )
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()


def count_hogs(perturbations: dict[str, str]) -> int:
    """Return how many processes are to spin; one for each CPU that this process may use, if no number is given."""
    if "cpu-hog" not in perturbations:
        return 0
    return int(perturbations["cpu-hog"] or max(1, len(posix.usable_cpus())))
