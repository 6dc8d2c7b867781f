"""a, b: one program, measured many times, and the whole procedure replayed on its figures with random labels."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from harness.compare.resampling import LEAST_COVERED, LEAST_FOUND, MOST_FALSE, PROMISED, SelfTest, replay
from harness.model import Request, RowSummary, UsageError

from .bench import Bench
from .part import Effort, PartResult, promise

NAME = "a, b"


def run_replays(bench: Bench, scenario: str, effort: Effort) -> PartResult:
    """Measure identical processes and replay on them.

    Raises:
        UsageError: the scenario has no figure here.
    """
    reference = str(bench.reference(scenario))
    request = Request(backends=(reference,), scenarios=(scenario,), preset="quick", rounds=effort.processes)
    outcome = bench.run(f"{NAME}: {effort.processes} processes of {scenario} on {reference}", request)
    row = outcome.comparison.rows[0]
    try:
        least_found = 0.0 if bench.is_parallel(scenario) else LEAST_FOUND
        result = replay(_figures(row), replays=effort.replays, least_found=least_found)
    except ValueError as exc:
        raise UsageError(f"{row.row} on {reference}: {exc}") from exc
    return describe(result, f"{row.row} on {reference}")


def _figures(row: RowSummary) -> list[float]:
    """Return the figure of each process in the order of their execution."""
    square = row.cells[0]
    if square.headline is None:
        raise UsageError(f"{row.row} on {square.label} has no figure to test with: {square.reason or 'no headline'}")
    return list(square.headline.values)


def describe(result: SelfTest, name: str) -> PartResult:
    """Return the results of the replays."""
    found = result.found.get(PROMISED, 0.0)
    return PartResult(
        name=NAME,
        lines=tuple(_lines(result, name)),
        said=f"false positives {result.false_positives:.1%} of {result.replays}, "
        f"{PROMISED} slower is found in {found:.0%}",
        passed=result.passed,
        figures=msgspec.structs.asdict(result),
    )


def _lines(result: SelfTest, name: str) -> Iterator[str]:
    yield (
        f"{NAME}  {name}: {result.processes} processes, {result.replays} replays of the whole procedure with random "
        "labels"
    )
    yield promise("identical code is called different", f"{result.false_positives:.1%}", f"at most {MOST_FALSE:.1%}")
    yield _blocked(result)
    yield promise("an interval holds the truth", f"{result.covered:.1%}", f"at least {LEAST_COVERED:.0%}")
    for difference, share in result.found.items():
        is_promised = difference == PROMISED and result.least_found
        promised = f"at least {result.least_found:.0%}" if is_promised else ""
        yield promise(f"{difference} slower is found", f"{share:.1%}", promised)
    yield promise("rounds until the interval is narrow", f"{result.rounds:.0f}", "")


def _blocked(result: SelfTest) -> str:
    share = result.false_positives_blocked
    if share is None:
        return "    by blocks and a t-test: not computed without scipy (pip install 'runtime-harness[selftest]')"
    return promise("  by blocks and a t-test", f"{share:.1%}", "5.0% is what such a test promises")
