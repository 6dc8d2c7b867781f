"""Runs that lie in a folder, as a program wrote them, so that every command can be called on them."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from harness.journal import JOURNAL_NAME, JournalWriter
from harness.model import CellFinished, CellObserved, Run

from ..compare.run_builder import a_run

_RUNS = Path(".harness/runs")


def store(name: str, *records, interrupted: bool = False, expectations=(), request=None, cards=(), **header) -> Path:
    """Write a run of these cells below the working directory; its id is its name.

    Args:
        name: of the folder.
        records: what became of the planned cells.
        interrupted: whether the user ended it.
        expectations: that it carries.
        request: fields of the request.
        cards: backends beside those of the cells.
        header: as in `a_run`.
    """
    run = a_run(*records, **header)
    cards = {card.label: card for card in (*run.started.backends, *cards)}
    started = replace(
        run.started,
        run_id=name,
        started_at="2026-11-30T10:00:00Z",
        expectations=tuple(expectations),
        request=replace(run.started.request, **(request or {})),
        backends=tuple(cards.values()),
    )
    return write(_RUNS / name, replace(run, started=started), interrupted=interrupted)


def write(folder: Path, run: Run, *, interrupted: bool = False) -> Path:
    """Write the journal of a run into a new folder."""
    folder.mkdir(parents=True)
    with JournalWriter(folder / JOURNAL_NAME) as journal:
        journal.write(run.started)
        for record in run.records:
            for observation in record.observations:
                journal.write(CellObserved(cell_id=record.cell.id, observation=observation))
            journal.write(CellFinished(result=record.result))
        journal.write(journal.make_footer(interrupted=interrupted))
    return folder
