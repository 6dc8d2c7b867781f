"""Cost of the harness in a cell: its figure against that of a program written by hand for the same work.

    python benchmarks/transparency.py [PAIRS] [--backend NAME ...] [--scenario NAME ...] [--quick]

A pair is the program (`benchmarks/native/`) and the cell, in random order, a process each with the same environment;
pairs are run in sweeps over all backends and scenarios, until an interval is narrow at one of the looks (never until
it says something) or PAIRS are run. The figure is the median of the pairs' ratios of *cost* (time
for each operation; throughput the other way round) with the exact 95 % interval of order statistics. Goal: the interval
inside ±3 % for asyncio, uvloop, trio and curio; for threads the cost is published.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import product
from pathlib import Path

from benchmarks.native.work import SIZES
from benchmarks.sections import Section, estimate, is_within, ratio_texts
from harness.api import Metric
from harness.execute import execute
from harness.model import Cell, CellFinished, CellObserved, Observed, Outcome, Plan, Request
from harness.plan import make_plan
from harness.plugins import Catalogue, Plugins

BACKENDS = ("asyncio", "uvloop", "trio", "curio", "threads")
GOAL = 0.03
WITHOUT_GOAL = ("threads",)
ROOT = Path(__file__).parents[1]

SCENARIO_ONLY = {"storm": {"mode": "burst"}, "timeout-select": {"winner": "always"}}
"""Options that a scenario has to be given and a program need not."""
PROGRAM_ONLY = ("payload", "seed")
"""Sizes of a program that are the scenario's defaults."""
QUICK = {
    "channel": {"items": 10_000},
    "switch": {"yields": 100},
    "storm": {"connections": 200},
    "sink": {"total_bytes": 64 * 1024 * 1024},
    "timeout-select": {"races": 2_000},
    "children": {"batches": 2},
    "bridge": {"hand_overs": 4_000},
}
LIMIT = 120.0
"""Seconds for one program."""
LOOKS = (10, 15, 20, 30, 40, 60, 80, 100, 120, 150)
NARROW = 0.01
"""Half-width of an interval that needs no more pairs."""

Pair = tuple[str, str]
"""Scenario and backend."""


def sizes_of(scenario: str, *, quick: bool) -> dict[str, int]:
    """Return how much work both sides do."""
    return SIZES[scenario] | (QUICK[scenario] if quick else {})


def make_cell(catalogue: Catalogue, scenario: str, backend: str, sizes: dict[str, int], seed: int) -> Cell:
    """Return the cell that does the work of a program."""
    values = {name: value for name, value in sizes.items() if name not in PROGRAM_ONLY}
    parameters = values | SCENARIO_ONLY.get(scenario, {})
    request = Request(
        backends=(backend,),
        scenarios=(scenario,),
        preset="",
        parameters=tuple((name, str(value)) for name, value in parameters.items()),
        seed=seed,
    )
    (cell,) = make_plan(request, catalogue).cells
    return cell


def run_cell(catalogue: Catalogue, cell: Cell, folder: Path) -> float | None:
    """Run a cell as `harness run` does and return the median of its headline; nothing if it has none."""
    headline = catalogue.scenario(cell.scenario).headline
    values: list[float] = []
    for event in execute(Plan(cells=(cell,)), catalogue, folder):
        if isinstance(event, CellObserved) and isinstance(event.observation, Observed):
            if event.observation.key == headline:
                values.append(event.observation.value)
        elif isinstance(event, CellFinished) and event.result.outcome is not Outcome.COMPLETED:
            print(f"{cell.id}: {event.result.outcome} {event.result.reason}", file=sys.stderr)
            return None
    return statistics.median(values) if values else None


def run_native(scenario: str, backend: str, sizes: dict[str, int], seed: int) -> float | None:
    """Run a program and return its figure; nothing if it fails."""
    sized = [f"{name}={value}" for name, value in sizes.items()]
    module = f"benchmarks.native.on_{backend}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, "-P", "-X", "faulthandler", "-m", module, scenario, *sized],
        env=environment | {"PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # as a worker: the kernel shares a CPU out to sessions, not to processes
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    if done.returncode:
        print(f"{module} {scenario}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return float(done.stdout)


class Ratios:
    """The pairs of each scenario and backend, as figures of both sides."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.natives: dict[Pair, list[float]] = defaultdict(list)
        self.cells: dict[Pair, list[float]] = defaultdict(list)
        self.tried: dict[Pair, int] = defaultdict(int)
        self._narrow: set[Pair] = set()

    def run_pair(self, pair: Pair, number: int, folder: Path, *, quick: bool) -> None:
        """Run both sides in random order and keep their figures, if both have one."""
        self.tried[pair] += 1
        scenario, backend = pair
        sizes = sizes_of(scenario, quick=quick)
        cell = make_cell(self._catalogue, scenario, backend, sizes, number)
        sides: dict[str, Callable[[], float | None]] = {
            "native": lambda: run_native(scenario, backend, sizes, cell.seed % 2**32),
            "cell": lambda: run_cell(self._catalogue, cell, folder / str(number)),
        }
        found = {side: sides[side]() for side in random.sample(list(sides), 2)}
        if found["native"] is not None and found["cell"] is not None:
            self.natives[pair].append(found["native"])
            self.cells[pair].append(found["cell"])

    def logs(self, pair: Pair) -> list[float]:
        """Return the logarithms of how many times as much the cell costs."""
        scenario = self._catalogue.scenario(pair[0])
        judge = scenario.judges[scenario.headline]
        sign = -1 if isinstance(judge, Metric) and judge.better == "higher" else 1
        return [
            sign * math.log(cell / native) for cell, native in zip(self.cells[pair], self.natives[pair], strict=True)
        ]

    def is_open(self, pair: Pair, most: int) -> bool:
        """Return whether more pairs are to be run; that is asked after each, and decided at the looks."""
        logs = self.logs(pair)
        interval = estimate(logs) if len(logs) in LOOKS else None
        if interval is not None and interval.half_width <= math.log1p(NARROW):
            self._narrow.add(pair)
        return pair not in self._narrow and self.tried[pair] < most

    def row(self, pair: Pair) -> tuple[str, ...]:
        """Return the line of a pair."""
        scenario = self._catalogue.scenario(pair[0])
        judge = scenario.judges[scenario.headline]
        assert isinstance(judge, Metric)
        figures = [
            f"{statistics.median(values):,.0f}" if values else "–" for values in (self.natives[pair], self.cells[pair])
        ]
        logs = self.logs(pair)
        inside = "published" if pair[1] in WITHOUT_GOAL else "yes" if is_within(logs, GOAL) else "no"
        return (*pair, f"{scenario.headline}, {judge.unit}", *figures, *ratio_texts(logs), str(len(logs)), inside)


def measure(
    pairs: int,
    *,
    seconds: float = math.inf,
    backends: tuple[str, ...] = BACKENDS,
    scenarios: tuple[str, ...] = tuple(SIZES),
    quick: bool = False,
) -> Section:
    """Run the pairs and return the conclusion.

    Args:
        pairs: of each scenario and backend, at most.
        seconds: after which no sweep is begun.
        backends: to look at.
        scenarios: to look at.
        quick: a fraction of the work.
    """
    catalogue = Plugins().catalogue()
    ratios = Ratios(catalogue)
    both = list(product(scenarios, backends))
    with tempfile.TemporaryDirectory() as folder:
        open_pairs, number, end = both, 0, time.monotonic() + seconds
        while time.monotonic() < end and (open_pairs := [pair for pair in open_pairs if ratios.is_open(pair, pairs)]):
            number += 1
            for pair in random.sample(open_pairs, len(open_pairs)):
                ratios.run_pair(pair, number, Path(folder), quick=quick)
    judged = [pair for pair in both if pair[1] not in WITHOUT_GOAL]
    good = sum(is_within(ratios.logs(pair), GOAL) for pair in judged)
    return Section(
        title="Transparency",
        text=(
            "`python benchmarks/transparency.py`: the figure of a cell against that of a program written by hand for "
            "the same work with no harness in it (`benchmarks/native/`). The ratio is of cost, so above 1 the harness "
            "costs; median of paired rounds in random order, exact 95 % interval of order statistics."
        ),
        header=("scenario", "backend", "figure", "by hand", "harness", "ratio", "interval", "pairs", "inside ±3 %"),
        rows=tuple(map(ratios.row, both)),
        verdict=f"{good} of {len(judged)} intervals lie inside ±3 % (threads have no goal: their cost is published).",
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Cost of the harness in a cell.")
    parser.add_argument("pairs", nargs="?", type=int, default=30)
    parser.add_argument("--backend", action="append", choices=BACKENDS)
    parser.add_argument("--scenario", action="append", choices=tuple(SIZES))
    parser.add_argument("--minutes", type=float, default=math.inf, help="after which no sweep is begun")
    parser.add_argument("--quick", action="store_true", help="a fraction of the work, to see that it runs")
    chosen = parser.parse_args()
    section = measure(
        chosen.pairs,
        seconds=60 * chosen.minutes,
        backends=tuple(chosen.backend or BACKENDS),
        scenarios=tuple(chosen.scenario or SIZES),
        quick=chosen.quick,
    )
    print(section.plain())


if __name__ == "__main__":
    main()
