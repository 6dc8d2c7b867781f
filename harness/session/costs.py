"""Expected duration of a cell: its mean in the last runs on the same machine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Any

from harness.journal import RunStore, read_run
from harness.model import MACHINE_FACTS, Cell, CellResult, JournalError, Run

GUESS = 2.0
"""Seconds of a cell that no run knows."""
_LEARN_FROM = 3
_LOOK_AT = 6
"""Runs that are read at most."""


class CellCosts:
    """Seconds that a cell of each scenario takes."""

    def __init__(self, seconds: Mapping[str, float]) -> None:
        self.known = seconds

    def expect(self, cell: Cell) -> float:
        """Return the expected seconds of a cell."""
        return self.known.get(cell.scenario, GUESS)


def learn_costs(store: RunStore, machine: Mapping[str, Any]) -> CellCosts:
    """Return the costs in the last runs of a store that were made on this machine.

    Args:
        store: of the runs.
        machine: facts of this machine, as they are stored with a run.
    """
    alike = (run for run in _read_latest(store) if _is_same_machine(run.started.environment, machine))
    return CellCosts(_mean_seconds(islice(alike, _LEARN_FROM)))


def _read_latest(store: RunStore) -> Iterator[Run]:
    """Yield the readable ones of the last runs, the latest first; costs need no history."""
    folders: Sequence[Path] = ()
    with suppress(JournalError):
        folders = store.runs()
    for folder in folders[: -_LOOK_AT - 1 : -1]:
        with suppress(JournalError):
            yield read_run(folder)


def _is_same_machine(facts: Mapping[str, Any], machine: Mapping[str, Any]) -> bool:
    return all(facts.get(name) == machine.get(name) for name in MACHINE_FACTS)


def _seconds_of(result: CellResult) -> float:
    """Return the seconds of a cell with the attempts before the one that counts; the last of its starts is that one."""
    before = [attempt.seconds for attempt in result.disturbed]
    before += [attempt.seconds for attempt in result.retried]
    before += [attempt.seconds for attempt in result.starts[:-1]]
    return result.seconds + sum(before)


def _mean_seconds(runs: Iterable[Run]) -> dict[str, float]:
    seconds: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        for record in run.records:
            if record.result.seconds:
                seconds[record.cell.scenario].append(_seconds_of(record.result))
    return {scenario: fmean(values) for scenario, values in seconds.items()}
