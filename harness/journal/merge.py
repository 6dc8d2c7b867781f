"""Make one run of several: parts of a plan that ran on several machines, or one after the other."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from harness.model import (
    EVIDENCE,
    PASSING_FACTS,
    CellFinished,
    CellObserved,
    CellRecord,
    CellStarted,
    Outcome,
    Run,
    RunCalibrated,
    RunStarted,
    UsageError,
)

from .read import JOURNAL_NAME, read_run
from .store import RunStore
from .write import JournalWriter

T = TypeVar("T")

_WITHOUT_RESULT = (Outcome.NOT_RUN, Outcome.INTERRUPTED, Outcome.INVALID_ENV)


def merge_runs(folders: Sequence[Path], store: RunStore, *, force: bool = False) -> Path:
    """Write a new run with the cells of several, and return its folder; the runs themselves stay as they are.

    A cell that several runs have must have its result in one of them only.

    Args:
        folders: of the runs, at least two; values in which they differ are taken from the first.
        store: where the new run's folder is made.
        force: whether to merge what does not belong together: other seeds or environments, or a cell that several
            runs have a result of, of which the first counts.

    Raises:
        UsageError: they do not belong together, or the new run cannot be written.
        JournalError: one of them cannot be read.
    """
    runs = [(path if path.is_dir() else path.parent, read_run(path)) for path in folders]
    if len({folder.resolve() for folder in folders}) < max(2, len(folders)):
        raise UsageError("cannot merge: it takes two runs or more, each once (harness merge RUN RUN)")
    if not force:
        for _, run in runs[1:]:
            for difference in _differences(runs[0][1], run):
                raise UsageError(f"cannot merge {run.started.run_id}: {difference}; --force merges all the same")
    chosen = _choose_records(runs, force=force)
    folder = store.create()
    with JournalWriter(folder / JOURNAL_NAME) as journal:
        journal.write(_merge_headers(folder.name, [run for _, run in runs]))
        for source, record in chosen:
            for event in _events_of(record, _copy_evidence(source, folder, record)):
                journal.write(event)
        # At the end: cells that have their result are as they ran.
        if works := _each_once((work for _, run in runs for work in run.works), lambda work: work.row):
            journal.write(RunCalibrated(rows=works))
        is_interrupted = any(record.result.outcome is Outcome.INTERRUPTED for _, record in chosen)
        journal.write(journal.make_footer(interrupted=is_interrupted))
    return folder


def _differences(one: Run, other: Run) -> Iterator[str]:
    """Yield why two runs do not belong together."""
    seeds = one.started.plan.seed, other.started.plan.seed
    if seeds[0] != seeds[1]:
        yield f"its seed is {seeds[1]}, that of {one.started.run_id} is {seeds[0]}"
    executors = one.started.request.executor, other.started.request.executor
    if executors[0] != executors[1]:
        yield f"its processes were started by executor {executors[1]}, in {one.started.run_id} by {executors[0]}"
    for name, was, now in _changes(one.started.environment, other.started.environment):
        yield f"its environment is another one: {name} is {now}, in {one.started.run_id} {was}"


def _changes(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in dict.fromkeys((*one, *other)):
        if name not in PASSING_FACTS and one.get(name) != other.get(name):
            yield name, one.get(name), other.get(name)


def _choose_records(runs: Sequence[tuple[Path, Run]], *, force: bool) -> list[tuple[Path, CellRecord]]:
    """Return one record of each cell, with the folder of its run: one with a result, if there is one."""
    chosen: dict[str, tuple[Path, CellRecord]] = {}
    for folder, run in runs:
        for record in run.records:
            before = chosen.get(record.cell.id)
            if before is None or before[1].result.outcome in _WITHOUT_RESULT:
                chosen[record.cell.id] = (folder, record)
            elif record.result.outcome not in (*_WITHOUT_RESULT, Outcome.UNSUPPORTED) and not force:
                raise UsageError(
                    f"cannot merge {run.started.run_id}: {before[0].name} has a result of {record.cell.id} as well; "
                    "--force takes the first"
                )
    return list(chosen.values())


def _merge_headers(run_id: str, runs: Sequence[Run]) -> RunStarted:
    first, plans = runs[0].started, [run.started.plan for run in runs]
    plan = msgspec.structs.replace(
        first.plan,
        cells=_each_once((cell for plan in plans for cell in plan.cells), lambda cell: cell.id),
        skipped=_each_once((skip for plan in plans for skip in plan.skipped), lambda skip: skip.cell.id),
        backends=_each_once((spec for plan in plans for spec in plan.backends), str),
        variants=_each_once((spec for plan in plans for spec in plan.variants), str),
        scenarios=_each_once((name for plan in plans for name in plan.scenarios), str),
    )
    started = [run.started for run in runs]
    return msgspec.structs.replace(
        first,
        run_id=run_id,
        started_at=min(header.started_at for header in started),
        request=msgspec.structs.replace(first.request, partition=""),
        plan=plan,
        scenarios=_each_once((card for header in started for card in header.scenarios), lambda card: card.name),
        backends=_each_once((card for header in started for card in header.backends), lambda card: card.label),
        expectations=_each_once((known for header in started for known in header.expectations), repr),
        environment={**first.environment, "merged": ", ".join(header.run_id for header in started)},
    )


def _each_once(items: Iterable[T], key: Any) -> tuple[T, ...]:
    found: dict[Any, T] = {}
    for item in items:
        found.setdefault(key(item), item)
    return tuple(found.values())


def _events_of(record: CellRecord, evidence: str) -> Iterator[CellStarted | CellObserved | CellFinished]:
    if record.result.roles:
        pids = {role.role: role.pid for role in record.result.roles}
        yield CellStarted(cell_id=record.cell.id, pids=pids, when=record.started)
    for observation in record.observations:
        yield CellObserved(cell_id=record.cell.id, observation=observation)
    yield CellFinished(result=msgspec.structs.replace(record.result, evidence=evidence), when=record.finished)


def _copy_evidence(source: Path, target: Path, record: CellRecord) -> str:
    """Copy the evidence of a cell and its earlier attempts, and return the folder of the cell's own."""
    earlier = (attempt.evidence for attempt in record.result.retried)
    starts = (attempt.evidence for attempt in record.result.starts)
    for relative in dict.fromkeys((record.result.evidence, *earlier, *starts)):
        if relative and _is_folder(source / relative, source / EVIDENCE):
            try:
                # The target of a link is no evidence, and may be anything.
                shutil.copytree(source / relative, target / relative, symlinks=True, dirs_exist_ok=True)
            except (OSError, shutil.Error) as exc:
                raise UsageError(f"cannot copy the evidence {source / relative}: {exc}") from exc
    kept = record.result.evidence
    return kept if kept and _is_folder(target / kept, target) else ""


def _is_folder(path: Path, above: Path) -> bool:
    """Return whether there is a folder below another: a journal from anywhere may place its evidence anywhere."""
    try:
        return path.is_dir() and path.resolve().is_relative_to(above.resolve())
    except (OSError, ValueError, RuntimeError):  # a name that no file can have, or links in a circle
        return False
