"""Cost of a large plan: planning, journal, reading it, compare, and the JSON and HTML reports, over the size.

    python benchmarks/scale.py [CELLS ...]

Each plan is made by the planner from scenarios of an ordinary matrix; what its cells would have observed is made up, in
the amount that they observe, and goes through the journal. Each size is written in one process and judged in
another; the peak of the memory is taken for each stage. Goal: 10,000 cells are compared and rendered as JSON in less
than 10 s and 500 MB, and cost grows no faster than the number of cells.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.sections import Section

SIZES = (100, 1_000, 10_000)
QUICK = (100, 1_000)
ROUNDS = 10
BACKENDS = ("asyncio", "uvloop", "trio", "curio", "threads")
MOST_SECONDS = 10.0
MOST_MB = 500.0
STAGES = ("plan", "journal", "read", "compare", "json", "html")
JUDGED = ("compare", "json")
"""Stages that the goal is about."""
LEAST_FINDING = 0.02
"""Share of rows in which one backend breaks the contract, so that there is something to report."""


def main() -> None:
    """Print the curves, or be one of the processes that measure a size."""
    if len(sys.argv) == 4 and sys.argv[1] in _PARTS:
        print(json.dumps(_PARTS[sys.argv[1]](int(sys.argv[2]), Path(sys.argv[3]))))
        return
    parser = argparse.ArgumentParser(description="Cost of a large plan, over its size.")
    parser.add_argument("cells", nargs="*", type=int, help="sizes of plans (default: 100 1000 10000)")
    print(measure(tuple(parser.parse_args().cells) or SIZES).plain())


def measure(sizes: tuple[int, ...] = SIZES) -> Section:
    """Run each size in processes of its own and return the curves."""
    found = {size: _measure_size(size) for size in sizes}
    return Section(
        title="Large plans",
        text=(
            "`python benchmarks/scale.py`: time and peak memory of each stage of a plan, over its size. The plan and "
            "the judges are those of an ordinary matrix; the observations of the cells are synthetic and go through "
            "the journal. Each size is written in one process and judged in another. Curves, with no interval."
        ),
        header=("stage", *(f"{size:,} cells" for size in sizes), "growth"),
        rows=tuple(_row(stage, found) for stage in STAGES),
        verdict=_verdict(found),
    )


def _measure_size(size: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        found: dict[str, Any] = {}
        for part in _PARTS:
            command = [sys.executable, __file__, part, str(size), folder]
            done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
            found |= json.loads(done.stdout)
        return found


def _row(stage: str, found: dict[int, dict[str, Any]]) -> tuple[str, ...]:
    texts = []
    for figures in found.values():
        if stage in figures:
            size = f", {figures[stage]['bytes'] / 1e6:,.1f} MB written" if figures[stage].get("bytes") else ""
            texts.append(f"{figures[stage]['seconds']:.2f} s, {figures[stage]['peak'] / 1e6:,.0f} MB{size}")
        else:
            texts.append("–")
    return (stage, *texts, _growth(stage, found))


def _growth(stage: str, found: dict[int, dict[str, Any]]) -> str:
    """Return by how much the time grew from the second largest size to the largest, for each cell."""
    sizes = [size for size in found if stage in found[size]]
    if len(sizes) < 2:
        return "–"
    small, large = sizes[-2:]
    factor = found[large][stage]["seconds"] / max(1e-9, found[small][stage]["seconds"])
    return f"× {factor:.1f} for × {large / small:g} cells"


def _verdict(found: dict[int, dict[str, Any]]) -> str:
    figures = found[max(found)]
    seconds = sum(figures[stage]["seconds"] for stage in JUDGED)
    peak = max(figures[stage]["peak"] for stage in JUDGED) / 1e6
    return (
        f"{figures['cells']:,} cells in {figures['rows']:,} rows with {figures['observations']:,} observations and "
        f"{figures['findings']:,} findings: compare and JSON take {seconds:.1f} s and {peak:,.0f} MB at most "
        f"(goal for 10,000: {MOST_SECONDS:g} s and {MOST_MB:g} MB); reading the journal takes "
        f"{figures['read']['seconds']:.1f} s."
    )


# --- one stage ---


def time_stage(function: Callable[[], Any], into: dict[str, Any], stage: str) -> Any:
    """Run a stage and keep its duration and the peak of the process meanwhile."""
    forget_peak()
    started = time.perf_counter()
    result = function()
    into[stage] = {"seconds": time.perf_counter() - started, "peak": read_peak()}
    return result


def forget_peak() -> None:
    """Let the peak of the memory begin anew (Linux; elsewhere it is that of the process so far)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def read_peak() -> int:
    """Return the peak of the resident memory in bytes."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


# --- the process that writes ---


def write(size: int, folder: Path) -> dict[str, Any]:
    """Plan about as many cells, and write the journal of their run."""
    from harness.journal import JOURNAL_NAME, JournalWriter
    from harness.plan import make_plan
    from harness.plugins import Plugins

    found: dict[str, Any] = {}
    catalogue = Plugins().catalogue()
    request = make_request(size)
    plan = time_stage(lambda: make_plan(request, catalogue), found, "plan")
    random.seed(size)

    def write_all() -> int:
        with JournalWriter(folder / JOURNAL_NAME) as journal:
            for event in make_events(request, plan, catalogue, journal):
                journal.write(event)
            return journal.events

    time_stage(write_all, found, "journal")
    found["journal"]["bytes"] = (folder / JOURNAL_NAME).stat().st_size
    return found


def make_request(size: int) -> Any:
    """Return a request of about as many cells: rows of channel and switch, that differ in a parameter."""
    from harness.model import Request

    arms = len(BACKENDS) + 1
    rows = max(1, round(size / (arms * ROUNDS * 2)))
    counts = ",".join(str(number) for number in range(1, rows + 1))
    return Request(
        backends=BACKENDS,
        scenarios=("channel", "switch"),
        preset="",
        parameters=(("items", counts), ("yields", counts)),
        rounds=ROUNDS,
    )


def make_events(request: Any, plan: Any, catalogue: Any, journal: Any) -> Iterator[Any]:
    """Yield the events of a run in which each cell observed something of each key."""
    from harness.model import CellFinished, CellObserved, CellResult, CellStarted, Outcome, RunFinished
    from harness.session.header import make_header

    yield make_header("scale", "2026-01-01T00:00:00+00:00", request, plan, catalogue, {})
    for number, cell in enumerate(plan.cells):
        yield CellStarted(cell_id=cell.id, pids={"main": 1000 + number})
        for observation in _observations(cell, catalogue):
            yield CellObserved(cell_id=cell.id, observation=observation)
        role = _role_result(cell)
        yield CellFinished(result=CellResult(cell_id=cell.id, outcome=Outcome.COMPLETED, seconds=1.0, roles=(role,)))
    yield RunFinished(finished_at="2026-01-01T00:00:00+00:00", events=journal.events, cells=journal.cells)


def _observations(cell: Any, catalogue: Any) -> Iterator[Any]:
    from harness.api import Bounded, Exact, Metric, Outcomes
    from harness.model import Observed

    is_wrong = cell.label == BACKENDS[-1] and random.Random(str(cell.row)).random() < LEAST_FINDING
    for key, judge in catalogue.scenario(cell.scenario).judges.items():
        values: list[Any]
        match judge:
            case Metric():
                speed = 500 + 100 * BACKENDS.index(cell.label)
                values = [random.lognormvariate(0, 0.05) * speed for _ in range(3)]
            case Bounded(at_most=most):
                values = [(most or 0) + is_wrong]
            case Outcomes(grades=grades):
                values = [next(iter(grades))]
            case Exact():
                values = [1]
            case _:
                values = ["1"]
        for number, value in enumerate(values):
            yield Observed(role="main", key=key, value=value, at=0.1 * number)


def _role_result(cell: Any) -> Any:
    from harness.model import Attestation, Outcome, RoleResult, Usage

    attestation = Attestation(
        scheduler=f"{cell.label}.Loop",
        expected=f"{cell.label}.*",
        python="3.11.7",
        implementation="cpython",
        gil=True,
        versions={cell.label: "1.0"},
    )
    return RoleResult(
        role="main",
        backend=cell.label,
        outcome=Outcome.COMPLETED,
        seconds=1.0,
        pid=1000,
        exit_code=0,
        attestation=attestation,
        usage=Usage(user=0.5, system=0.1, max_rss_bytes=30_000_000, voluntary_switches=10, involuntary_switches=20),
        progress=1000,
    )


# --- the process that judges ---


def judge(_size: int, folder: Path) -> dict[str, Any]:
    """Read the journal, compare, and render."""
    from harness.compare import compare
    from harness.journal import read_run
    from harness.model import RenderOptions
    from harness.plugins import Plugins

    found: dict[str, Any] = {}
    renderers = Plugins().catalogue().renderers
    run = time_stage(lambda: read_run(folder), found, "read")
    comparison = time_stage(lambda: compare(run), found, "compare")
    options = RenderOptions()
    for stage in ("json", "html"):
        text = time_stage(lambda stage=stage: renderers[stage].render(run, comparison, options), found, stage)  # type: ignore[misc]
        found[stage]["bytes"] = len(text.encode())
        del text
    return found | {
        "cells": len(run.records),
        "rows": len(comparison.rows),
        "observations": sum(len(record.observations) for record in run.records),
        "findings": len(comparison.findings),
        "note": comparison.note,
    }


_PARTS: dict[str, Callable[[int, Path], dict[str, Any]]] = {"write": write, "judge": judge}


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    main()
