"""A cell in a process forked from a warm parent, against the same cell in a fresh process.

    python benchmarks/warm.py [ROUNDS]

Both run `cancel.cleanup-waits`, which takes no time of its own. Each round runs each side once, in random order, after
a first cell that starts the warm parent. CPU time is that of the role's process and of the runner, from the kernel;
wall time is that of the whole cell. Medians, and the median of the rounds' ratios of CPU time with the exact 95 %
interval of order statistics. Goal: 0.25 or less.
"""

from __future__ import annotations

import math
import random
import resource
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from benchmarks.sections import Section, ratio_texts
from harness.execute import posix, run_guarded
from harness.execute.role.warm import WarmParents
from harness.model import BackendSpec, Cell, CellFinished, Outcome, RoleBackend
from harness.plugins import Catalogue, Plugins

GOAL = 0.25
SCENARIO = "cancel.cleanup-waits"
BACKENDS = ("asyncio", "uvloop", "trio", "curio", "threads")


class Timing(NamedTuple):
    """One cell, in milliseconds."""

    cpu: float
    wall: float


def run_cell(catalogue: Catalogue, backend: str, number: int, warm: WarmParents | None) -> Timing:
    """Run a cell and return its cost."""
    cell = Cell(scenario=SCENARIO, roles=(RoleBackend("main", BackendSpec(backend)),), round=number)
    with tempfile.TemporaryDirectory() as folder:
        before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        finished = list(run_guarded(cell, catalogue, Path(folder), warm))[-1]
        wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    assert isinstance(finished, CellFinished)
    (role,) = finished.result.roles
    if finished.result.outcome is not Outcome.COMPLETED or role.is_forked == (warm is None):
        sys.exit(f"{cell.id}: {finished.result.outcome} {finished.result.reason}, forked: {role.is_forked}")
    own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Timing((own + role.usage.user + role.usage.system) * 1000, wall * 1000)


def measure(rounds: int = 30) -> Section:
    """Run both sides of each backend in each round and return the ratios."""
    posix.adopt_orphans()
    catalogue = Plugins().catalogue()
    rows, medians = [], {}
    for backend in BACKENDS:
        warm = WarmParents(0)
        run_cell(catalogue, backend, 0, warm)
        times: dict[bool, list[Timing]] = defaultdict(list)
        for number in range(1, rounds + 1):
            for is_forked in random.sample((True, False), 2):
                times[is_forked].append(run_cell(catalogue, backend, number, warm if is_forked else None))
        warm.close()
        logs = [math.log(forked.cpu / fresh.cpu) for forked, fresh in zip(times[True], times[False], strict=True)]
        medians[backend] = math.exp(statistics.median(logs))
        figures = [
            f"{statistics.median(getattr(timing, name) for timing in times[side]):.1f}"
            for name in Timing._fields
            for side in (False, True)
        ]
        rows.append((backend, *figures, *ratio_texts(logs), str(rounds)))
    met = [name for name, ratio in medians.items() if ratio <= GOAL]
    return Section(
        title="Forked cells",
        text=(
            "`python benchmarks/warm.py`: a cell in a process forked from a warm parent, against the same cell in a "
            f"fresh process (`{SCENARIO}`). CPU time of the role and of the runner, wall time of the cell; medians of "
            "paired rounds, exact 95 % interval of order statistics."
        ),
        header=(
            *("backend", "fresh CPU, ms", "forked CPU, ms", "fresh wall, ms", "forked wall, ms"),
            *("ratio of CPU", "interval", "rounds"),
        ),
        rows=tuple(rows),
        verdict=f"The goal of {GOAL:g} is met by the median of: {', '.join(met) or 'none'}.",
    )


def main() -> None:
    """Print the table."""
    print(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 30).plain())


if __name__ == "__main__":
    main()
