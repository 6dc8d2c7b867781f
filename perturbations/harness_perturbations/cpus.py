"""Few CPUs: all roles on one, or busy processes beside the cell."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from harness.api import CellConditions, Perturbation

from .sizes import parse_size

_SPIN = """
import os, sys
runner = int(sys.argv[1])
while os.getppid() == runner:
    for _ in range(1_000_000):
        pass
"""
"""Spins until the runner ends it, or is gone without having done so."""


def _parse_nothing(text: str | None) -> str:
    if text is not None:
        raise ValueError("takes no value")
    return ""


@contextmanager
def _share_one_cpu(_value: str, conditions: CellConditions) -> Iterator[None]:
    conditions.cpus = conditions.usable_cpus[:1]
    yield


def _explain_missing_affinity(_value: str) -> str:
    from .posix import has_affinity

    return "" if has_affinity() else "this system cannot keep a process on a CPU"


@contextmanager
def _spin(value: str, conditions: CellConditions) -> Iterator[None]:
    number = int(value) if value else max(1, len(conditions.usable_cpus))
    hogs: list[subprocess.Popen[bytes]] = []
    try:
        hogs.extend(_start_hog() for _ in range(number))
        yield
    finally:
        for hog in hogs:
            hog.kill()
        for hog in hogs:
            hog.wait()


def _start_hog() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _SPIN, str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


ONE_CPU = Perturbation(
    name="one-cpu",
    summary="all roles of a cell share one CPU",
    parse=_parse_nothing,
    in_runner=_share_one_cpu,
    why_not_here=_explain_missing_affinity,
)
CPU_HOG = Perturbation(
    name="cpu-hog",
    value="[=N]",
    summary="N processes spin beside the cell, by default one for each CPU",
    parse=lambda text: "" if text is None else parse_size(text),
    in_runner=_spin,
)
