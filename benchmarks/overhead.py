"""Cost of a cell beyond its worker: planning, starting, watching and ending it, journal, compare and reports.

    python benchmarks/overhead.py [COMMANDS] [--rounds N]

Runs `harness run` with cells of about 1 s that only wait, some with one role and some with two. From the time of the
command is taken, for each cell, that of its longest worker, from its start to its end. A command with one round tells
the fixed cost of a command (its start, reports); the rest, over the cells that the longer one has more, is the cost of
a cell. Median and exact 95 % interval over the commands. Goal: less than 10 % of a 1 s cell.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.sections import Section, estimate
from harness.journal import RunStore, read_run
from harness.model import CellRecord, Outcome

GOAL = 0.10
ROUNDS = 5
BACKENDS = ("asyncio", "trio")
KINDS = {
    "one role": ("timeout-select", {"winner": "never", "n": "1", "races": "1", "deadline": "0.33"}),
    "two roles": ("storm", {"mode": "rate", "rate": "50", "length": "1"}),
}
"""Cells that take about 1 s and leave the machine alone: a race of 0.33 s and twice that to see that nothing is left;
an open loop of 1 s."""


class Timing(NamedTuple):
    """One command: its duration, and of that its cells and their workers. Seconds."""

    wall: float
    cells: float
    workers: float
    runs: int


def run_command(scenario: str, parameters: dict[str, str], rounds: int) -> Timing:
    """Run a command and return its duration."""
    with tempfile.TemporaryDirectory() as folder:
        given = [part for name, value in parameters.items() for part in ("--param", f"{name}={value}")]
        backends = [part for name in BACKENDS for part in ("--backend", name)]
        command = [sys.executable, "-P", "-m", "harness.cli", "run", "--scenario", scenario, *given, *backends]
        started = time.perf_counter()
        subprocess.run([*command, "--rounds", str(rounds), "-q", "--out", folder], check=False, capture_output=True)
        wall = time.perf_counter() - started
        records = read_run(RunStore(Path(folder)).find("latest")).records
    for record in records:
        if record.result.outcome is not Outcome.COMPLETED:
            sys.exit(f"{record.cell.id}: {record.result.outcome} {record.result.reason}")
    return Timing(wall, sum(r.result.seconds for r in records), sum(map(_worker_seconds, records)), len(records))


def _worker_seconds(record: CellRecord) -> float:
    return max(role.seconds for role in record.result.roles)


def measure(commands: int = 10, *, rounds: int = ROUNDS) -> Section:
    """Run the commands and return the cost of a cell."""
    rows, worst = [], 0.0
    for kind, (scenario, parameters) in KINDS.items():
        pairs = [
            (run_command(scenario, parameters, 1), run_command(scenario, parameters, rounds)) for _ in range(commands)
        ]
        per_cell = [_per_cell(short, long) for short, long in pairs]
        lengths = [long.workers / long.runs for _, long in pairs]
        shares = [beyond / length for beyond, length in zip(per_cell, lengths, strict=True)]
        worst = max(worst, statistics.median(shares))
        rows.append(
            (
                f"{kind} (`{scenario}`)",
                f"{statistics.median(lengths):.2f} s",
                _milliseconds([(long.cells - long.workers) / long.runs for _, long in pairs]),
                _milliseconds(per_cell),
                _share(shares),
                _milliseconds(
                    [_command_seconds(short, beyond) for (short, _), beyond in zip(pairs, per_cell, strict=True)]
                ),
            )
        )
    return Section(
        title="Cost of a cell",
        text=(
            f"`python benchmarks/overhead.py`: `harness run` with {len(BACKENDS) * rounds} cells of about 1 s; the "
            "time outside the worker's own, from the start of its process to its end. Median of "
            f"{commands} commands, 95 % interval."
        ),
        header=("cells", "worker's own time", "around it, ms", "all beyond it, ms", "share", "a command's own, ms"),
        rows=tuple(rows),
        verdict=f"The larger share is {worst:.1%}; the goal is less than {GOAL:.0%} of a 1 s cell.",
    )


def _per_cell(short: Timing, long: Timing) -> float:
    more = long.runs - short.runs
    return ((long.wall - long.workers) - (short.wall - short.workers)) / more


def _command_seconds(short: Timing, beyond: float) -> float:
    return short.wall - short.workers - beyond * short.runs


def _milliseconds(seconds: Sequence[float]) -> str:
    return _with_interval([second * 1000 for second in seconds], ".1f")


def _share(shares: Sequence[float]) -> str:
    return _with_interval(shares, ".1%")


def _with_interval(sample: Sequence[float], form: str) -> str:
    interval = estimate(sample)
    bounds = "" if interval is None else f" ({interval.low:{form}}–{interval.high:{form}})"
    return f"{statistics.median(sample):{form}}{bounds}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Cost of a cell beyond its worker.")
    parser.add_argument("commands", nargs="?", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of the longer command; at least 2")
    chosen = parser.parse_args()
    print(measure(chosen.commands, rounds=max(2, chosen.rounds)).plain())


if __name__ == "__main__":
    main()
