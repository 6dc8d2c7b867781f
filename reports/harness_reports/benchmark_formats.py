"""The figures of a run in the formats of pyperf and asv, for their comparisons and sites."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.model import Comparison, MetricSummary, RenderOptions, Run

from .safe_text import clean

_SECONDS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "us": 1e-6, "ns": 1e-9}
_ASV_COLUMNS = (
    "result", "params", "version", "started_at", "duration", "stats_ci_99_a", "stats_ci_99_b", "stats_q_25",
    "stats_q_75", "stats_number", "stats_repeat", "samples",
)  # fmt: skip
_ASV_VERSION = 2
_MACHINE = {"system": "os", "cpu": "cpu", "machine": "arch", "memory_bytes": "ram", "cores": "num_cpu"}
"""Facts of a run, and what asv calls them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Benchmark:
    """A figure of a row on a backend: the seconds of each round. A rate counts as the seconds of one operation."""

    name: str
    seconds: tuple[float, ...]


def render_pyperf(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    """Return the figures as a suite that `pyperf show` and `pyperf compare_to` read."""
    del options
    benchmarks = [
        {"metadata": {"name": each.name}, "runs": [{"values": [value]} for value in each.seconds]}
        for each in _benchmarks(comparison)
    ]
    common = {"unit": "second", "loops": 1, "harness_run": clean(run.started.run_id)}
    suite = {"version": "1.0", "metadata": common, "benchmarks": benchmarks}
    return json.dumps(suite, indent=1, sort_keys=True) + "\n"


def render_asv(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    """Return the figures as a file of results of asv; the run stands for the commit."""
    del options
    started = _milliseconds(run.started.started_at)
    environment = run.started.environment
    python = str(environment.get("python", ""))
    machine = {name: str(environment[fact]) for fact, name in _MACHINE.items() if fact in environment}
    document = {
        "commit_hash": clean(run.started.run_id),
        "date": started,
        "env_name": f"existing-py{python}",
        "env_vars": {},
        "params": {"machine": "harness", "python": python, **machine},
        "python": python,
        "requirements": {},
        "result_columns": _ASV_COLUMNS,
        "results": {each.name: _asv_result(each, started) for each in _benchmarks(comparison)},
        "durations": {},
        "version": _ASV_VERSION,
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _benchmarks(comparison: Comparison) -> Iterator[_Benchmark]:
    for row in comparison.rows:
        for cell in row.cells:
            seconds = _seconds_of(cell.headline) if cell.headline is not None else ()
            if seconds:
                yield _Benchmark(name=f"{clean(row.row)} {clean(cell.label)} ({clean(row.headline)})", seconds=seconds)


def _seconds_of(figure: MetricSummary) -> tuple[float, ...]:
    """Return a time or a rate in seconds; nothing for a figure in another unit, or one that is not above zero."""
    if any(value <= 0 for value in figure.values):
        return ()
    if figure.unit in _SECONDS:
        return tuple(value * _SECONDS[figure.unit] for value in figure.values)
    return tuple(1 / value for value in figure.values) if figure.unit == "1/s" else ()


def _asv_result(benchmark: _Benchmark, started: int) -> list[object]:
    values = benchmark.seconds
    quartiles = statistics.quantiles(values, n=4) if len(values) > 1 else [values[0]] * 3
    spread = [[min(values)], [max(values)], [quartiles[0]], [quartiles[2]], [1], [len(values)]]
    return [[statistics.median(values)], [], "1", started, sum(values), *spread, [list(values)]]


def _milliseconds(started_at: str) -> int:
    try:
        return round(datetime.fromisoformat(started_at).astimezone(UTC).timestamp() * 1000)
    except ValueError:  # the journal of another program
        return 0
