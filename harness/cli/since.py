"""What changed since the run before, for the page of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from harness.compare import compare_runs
from harness.compare.transitions import Change, RunChanges
from harness.journal import RunStore, read_header
from harness.model import JournalError, RenderOptions, Request
from harness.session import RunOutcome, read_outcome

_LOOK_BACK = 10
_MOST = 200
_TONES = {Change.REGRESSED: "bad", Change.FIXED: "ok"}

Line = tuple[str, str, str, str]
"""Kind of the change, place, how, and its tone."""


def add_changes(options: RenderOptions, outcome: RunOutcome) -> RenderOptions:
    """Return the options of a page with what changed since the last run of the same request, if one is stored."""
    before = _find_before(outcome)
    if before is None:
        return options
    changes = compare_runs((before.run, before.comparison), (outcome.run, outcome.comparison))
    lines = tuple(line for line, _ in zip(_describe(changes), range(_MOST), strict=False))
    return msgspec.structs.replace(options, changed_since=before.folder.name, changes=lines)


def _find_before(outcome: RunOutcome) -> RunOutcome | None:
    """Return the last run before that selected the same; a run that cannot be read is passed over."""
    folders = RunStore(outcome.folder.parent).runs()
    earlier = [folder for folder in folders if folder.name < outcome.folder.name]
    for folder in earlier[: -_LOOK_BACK - 1 : -1]:
        try:
            if _selection(read_header(folder).request) == _selection(outcome.run.started.request):
                return read_outcome(folder)
        except JournalError:
            continue
    return None


def _selection(request: Request) -> tuple[object, ...]:
    return request.backends, request.scenarios, request.parameters, request.preset, request.perturb


def _describe(changes: RunChanges) -> Iterator[Line]:
    yield from _worst_first(
        (each.change.value, f"{each.row} on {each.label}", f"{each.kind}: {each.title}", _TONES.get(each.change, "may"))
        for each in changes.findings
        if each.change is not Change.UNCHANGED
    )
    for answer in changes.answers:
        how = f"{answer.key}: {' | '.join(answer.before)} → {' | '.join(answer.after)}"
        yield "answer", f"{answer.row} on {answer.label}", how, "may"
    for name, figures, tone in (("slower", changes.slower, "bad"), ("faster", changes.faster, "ok")):
        for figure in figures:
            how = f"{figure.key}: {figure.before:.4g} → {figure.after:.4g} {figure.unit}"
            yield name, f"{figure.row} on {figure.label}", how, tone


def _worst_first(lines: Iterable[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: line[3] != "bad")
