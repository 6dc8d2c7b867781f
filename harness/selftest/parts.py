"""The parts, by letter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from . import first_cell, freeze, replayed, slower_arm, stuck_arm
from .bench import Bench
from .part import Effort, PartResult

_LIVE = {
    slower_arm.NAME: slower_arm.run_slower_arm,
    freeze.NAME: freeze.run_freeze,
    stuck_arm.NAME: stuck_arm.run_stuck_arm,
    first_cell.NAME: first_cell.run_first_cell,
}


def run_parts(bench: Bench, names: Iterable[str], scenario: str, effort: Effort) -> Iterator[PartResult]:
    """Yield the result of each part as soon as it is there; a and b are one, on the figures of `scenario`.

    Raises:
        KeyboardInterrupt: the user interrupted it.
        UsageError: the scenario has no figure here.
    """
    chosen = set(names)
    if chosen & {"a", "b"}:
        yield replayed.run_replays(bench, scenario, effort)
    for name, run in _LIVE.items():
        if name in chosen:
            yield run(bench, effort)


def summarise(results: Sequence[PartResult]) -> str:
    """Return the line that reports show."""
    failed = ", ".join(result.name for result in results if not result.passed)
    return (f"FAILED in {failed}: " if failed else "") + "; ".join(result.said for result in results if result.said)
