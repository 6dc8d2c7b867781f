"""Whole runs with forked cells against the same runs with fresh processes: their cost and their findings.

    python benchmarks/warm_runs.py [PAIRS] [--only quick|behaviours] [--out FOLDER] [-- OPTIONS OF harness matrix]

`quick` is `harness matrix --preset quick`: every scenario on every backend. `behaviours` is a round of the scenarios of
`--preset default` that measure nothing. A pair runs both sides once, in random order. Wall time is that of the command;
CPU time is that of all its processes, from the kernel. After the pairs, cells are listed whose answers, outcome,
leftovers or exceptions were in no run of the other side: with few pairs that may be chance, as a race has
several answers. The table of figures has the ratio of the figures of a row, forked and fresh, and of its ratio
to asyncio, over rows, backends and pairs. On two quiet cores five pairs of both take about 20 minutes.
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
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.sections import Section, ratio_texts
from harness.compare import compare
from harness.compare.values import outcome_text
from harness.execute.cell.start import is_timed
from harness.journal import read_run
from harness.model import CellRecord, Observed, Run
from harness.plugins import Plugins

GOALS = {"quick": 0.4, "behaviours": 0.5}
SIDES = ("fresh", "forked")
REFERENCE = "asyncio"
Figures = dict[tuple[str, str], float]
"""Median of each row and backend."""
Facts = dict[str, set[tuple[str, ...]]]
"""By cell, its facts in each run."""


class Cost(NamedTuple):
    """One run, in seconds."""

    wall: float
    cpu: float


def select(name: str) -> list[str]:
    """Return the options of `harness matrix` that select the cells of a set."""
    if name == "quick":
        return ["--preset", "quick"]
    scenarios = Plugins().catalogue().scenarios.values()
    untimed = sorted(scenario.name for scenario in scenarios if not is_timed(scenario))
    return ["--preset", "default", "--rounds", "1", *(word for known in untimed for word in ("-s", known))]


def run_once(options: Sequence[str], side: str, out: Path) -> tuple[Cost, Run]:
    """Run a matrix and return its cost and the stored run."""
    command = [sys.executable, "-m", "harness.cli", "matrix", *options, "-q", "--out", str(out)]
    command += ["--fresh"] * (side == "fresh")
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)} ends with {process.returncode}")
    (folder,) = out.iterdir()
    return Cost(wall, usage.ru_utime + usage.ru_stime), read_run(folder)


def show(record: CellRecord, steady: frozenset[str]) -> tuple[str, ...]:
    """Return the facts of a cell that do not depend on time: outcome, leftovers, exceptions, answers."""
    result = record.result
    found = {f"outcome: {result.outcome}"}
    for role in result.roles:
        found |= {f"leaves {leak.partition(' ')[0]}" for leak in role.leaks}
        found |= {f"unhandled {seen.error.type}" for seen in role.unhandled if seen.error}
        found |= {f"raises {role.error.type}"} if role.error else set()
        found |= {"leaves a process"} if role.escaped or role.survivors else set()
    answers = (seen for seen in record.observations if isinstance(seen, Observed) and seen.key in steady)
    return tuple(sorted(found | {f"{seen.key} = {outcome_text(seen.value)}" for seen in answers}))


def collect(run: Run, facts: Facts) -> None:
    """Add the facts of the cells of a run."""
    judges = {card.name: card.judges for card in run.started.scenarios}
    for record in run.records:
        judged = judges[record.cell.scenario].items()
        steady = frozenset(key for key, judge in judged if judge.is_graded and not judge.is_measured)
        facts[record.cell.id].add(show(record, steady))


def read_figures(run: Run) -> Figures:
    """Return the figures of the rows of a run."""
    cells = ((summary.row, cell) for summary in compare(run).rows for cell in summary.cells)
    return {(str(row), cell.label): cell.headline.median for row, cell in cells if cell.headline is not None}


def compare_figures(pairs: Sequence[dict[str, Figures]]) -> Section:
    """Return by scenario how figures of forked cells compare with fresh ones: as they are, and as shown, in ratios."""
    logs: dict[str, list[float]] = defaultdict(list)
    shown: dict[str, list[float]] = defaultdict(list)
    for pair in pairs:
        fresh, forked = (pair[side] for side in SIDES)
        both = {key: math.log(forked[key] / fresh[key]) for key in fresh if fresh[key] > 0 and forked.get(key, 0) > 0}
        for (row, label), log in both.items():
            for name in (row.partition("[")[0], "all"):
                logs[name].append(log)
                if label != REFERENCE and (row, REFERENCE) in both:
                    shown[name].append(log - both[row, REFERENCE])
    rows = tuple(
        (name, *ratio_texts(values), *(ratio_texts(shown[name]) if shown[name] else ("–", "–")), str(len(values)))
        for name, values in sorted(logs.items())
    )
    header = ("rows", "of figures", "interval", f"of ratios to {REFERENCE}", "interval", "figures")
    return Section(title="Forked : fresh", text="", header=header, rows=rows)


def differences(facts: dict[str, Facts]) -> Iterator[str]:
    """Yield the cells of which no run of one side agrees with one of the other."""
    for cell in sorted(facts["fresh"].keys() | facts["forked"].keys()):
        fresh, forked = (facts[side].get(cell, set()) for side in SIDES)
        if fresh.isdisjoint(forked):
            only = [
                sorted({fact for seen in one for fact in seen} - {fact for seen in other for fact in seen})
                for one, other in ((fresh, forked), (forked, fresh))
            ]
            yield f"{cell}: only fresh {only[0]}, only forked {only[1]}"


def measure(
    name: str, pairs: int, options: Sequence[str] = (), keep: Path | None = None
) -> tuple[Section, Section, list[str]]:
    """Run the pairs of a set; return the ratios, those of figures, and the cells whose sides have nothing in common."""
    costs: dict[str, list[Cost]] = defaultdict(list)
    facts: dict[str, Facts] = {side: defaultdict(set) for side in SIDES}
    defects: list[str] = []
    figures: list[dict[str, Figures]] = []
    for number in range(pairs):
        figures.append({})
        for side in random.sample(SIDES, 2):
            with tempfile.TemporaryDirectory() as temporary:
                out = Path(temporary) if keep is None else keep / f"{name}-{number}-{side}"
                out.mkdir(parents=True, exist_ok=True)
                cost, run = run_once((*select(name), *options), side, out)
            costs[side].append(cost)
            collect(run, facts[side])
            figures[-1][side] = read_figures(run)
            defects += [record.cell.id for record in run.records if record.result.differs_by_start]
            print(f"{name} {number + 1}/{pairs} {side}: {cost.wall:.1f} s, CPU {cost.cpu:.1f} s", flush=True)
    rows, medians = [], {}
    for figure in Cost._fields:
        fresh, forked = ([getattr(cost, figure) for cost in costs[side]] for side in SIDES)
        logs = [math.log(after / before) for before, after in zip(fresh, forked, strict=True)]
        medians[figure] = math.exp(statistics.median(logs))
        texts = (f"{statistics.median(fresh):.1f}", f"{statistics.median(forked):.1f}", f"{medians[figure]:.3f}")
        rows.append((name, figure, *texts, ratio_texts(logs)[1], str(pairs)))
    goal = GOALS[name]
    verdict = f"The goal of {goal:g} is {'met' if medians['wall'] <= goal else 'missed'} by wall time."
    section = Section(
        title=f"Runs with forked cells: {name}",
        text="",
        header=("cells", "time", "fresh, s", "forked, s", "median ratio", "interval", "pairs"),
        rows=tuple(rows),
        verdict=verdict,
    )
    return (
        section,
        compare_figures(figures),
        [*differences(facts), *(f"{cell}: differs by its start" for cell in defects)],
    )


def main() -> None:
    """Print the tables and the differences."""
    parser = argparse.ArgumentParser(description="Compare runs with forked cells and runs with fresh processes.")
    parser.add_argument("pairs", nargs="?", type=int, default=5)
    parser.add_argument("--only", choices=tuple(GOALS), action="append")
    parser.add_argument("--out", type=Path, help="folder that keeps the runs")
    place = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    chosen, options = parser.parse_args(sys.argv[1:place]), sys.argv[place + 1 :]
    for name in chosen.only or GOALS:
        section, figures, differing = measure(name, chosen.pairs, options, chosen.out)
        print(section.plain(), figures.plain(), sep="\n\n")
        print(f"{len(differing)} cells differ between the sides", *differing, sep="\n  ", end="\n\n", flush=True)


if __name__ == "__main__":
    main()
