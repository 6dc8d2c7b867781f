"""Findings from the outcomes of the cells, whatever they observed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.model import NOT_TRIED, BackendCard, FindingKind, Outcome, RoleResult, Run

from .findings import Judgement, Sighting, describe_doubt, group_sightings, make_judgement
from .rows import CellFacts, Row
from .trace import describe_last_steps

_KIND = {
    Outcome.HARNESS_FAULT: FindingKind.HARNESS_FAULT,
    # To be mended here, and no runtime's doing: the run is incomplete.
    Outcome.INVALID_ENV: FindingKind.INVALID_ENV,
    Outcome.HUNG: FindingKind.HANG,
    Outcome.TIMED_OUT: FindingKind.CRASH,
    Outcome.CRASHED: FindingKind.CRASH,
    Outcome.RAISED: FindingKind.CRASH,
    Outcome.LIMIT: FindingKind.CRASH,
    Outcome.WRONG_BACKEND: FindingKind.WRONG_BACKEND,
}
_FRAMES = 2
_STACK_LINES = 24
_LAST_SEEN = 8


def judge_outcomes_of_cells(row: Row) -> Iterator[Judgement]:
    """Find cells that did not end well; those of a row that ended alike are one finding."""
    alike: dict[tuple[Outcome, str], list[CellFacts]] = {}
    for cell in row.cells:
        outcome = _outcome_of(cell)
        if outcome in _KIND:
            alike.setdefault((outcome, _title_of(outcome, cell)), []).append(cell)
    for (outcome, title), culprits in alike.items():
        yield _judge_ending(row, outcome, title, culprits)


def judge_flaky_cells(row: Row) -> Iterator[Judgement]:
    """Find cells that completed only when they were run again."""
    flaky = [cell for cell in row.cells if cell.result.is_flaky]
    if flaky:
        ran = [cell for cell in row.cells if cell.outcome not in NOT_TRIED]
        sightings = [Sighting(cell.label, _describe_attempts(cell)) for cell in ran]
        yield make_judgement(
            row,
            FindingKind.FLAKY,
            flaky,
            "completes only when it is run again",
            expected="completed at once",
            groups=group_sightings(sightings),
            values=tuple(dict.fromkeys(_describe_attempts(cell) for cell in flaky)),
            evidence=next((a.evidence for cell in flaky for a in cell.result.retried if a.evidence), ""),
            details=tuple(
                f"{cell.id}: attempt {number}: {attempt.outcome}: {attempt.reason}"
                for cell in flaky
                for number, attempt in enumerate(cell.result.retried, 1)
            ),
        )


def _describe_attempts(cell: CellFacts) -> str:
    return ", then ".join([*(str(attempt.outcome) for attempt in cell.result.retried), str(cell.outcome)])


def judge_unavailable(rows: Sequence[Row], run: Run) -> Iterator[Judgement]:
    """Find backends that could not run here: one finding each, however many cells they miss."""
    missing: dict[str, list[tuple[Row, CellFacts, str]]] = {}
    for row in rows:
        for cell in row.cells:
            if cell.outcome is Outcome.UNAVAILABLE:
                for backend, error in _unavailable_backends(cell):
                    missing.setdefault(backend, []).append((row, cell, error))
    cards = {card.label: card for card in run.started.backends}
    for backend, cases in missing.items():
        yield _judge_missing(backend, cases, cards.get(backend))


def _judge_ending(row: Row, outcome: Outcome, title: str, culprits: list[CellFacts]) -> Judgement:
    tried = [cell for cell in row.cells if cell.outcome not in NOT_TRIED or cell in culprits]
    ended = outcome in (Outcome.HUNG, Outcome.TIMED_OUT, Outcome.CRASHED, Outcome.LIMIT)
    kind = _KIND[outcome]
    doubt = describe_doubt(row, culprits, tried) if kind.unexpected else ()
    return make_judgement(
        row,
        kind,
        culprits,
        title,
        otherwise=kind if doubt else None,
        expected=str(Outcome.COMPLETED),
        reason="".join(doubt),
        groups=group_sightings(_ending_sightings(tried)),
        divergence=describe_last_steps(culprits[0], row) if ended else "",
        details=_details_of(outcome, culprits),
    )


def _ending_sightings(cells: Sequence[CellFacts]) -> Iterator[Sighting]:
    by_label: dict[str, list[Outcome]] = {}
    for cell in cells:
        by_label.setdefault(cell.label, []).append(_outcome_of(cell))
    for label, outcomes in by_label.items():
        for outcome in dict.fromkeys(outcomes):
            yield Sighting(label, str(outcome), outcomes.count(outcome), len(outcomes))


def _outcome_of(cell: CellFacts) -> Outcome:
    # A worker refuses to run on another backend; a cell that ran all the same is judged by its attested backend.
    if any(role.attestation is not None and not role.attestation.holds for role in cell.roles):
        return Outcome.WRONG_BACKEND
    return cell.outcome


def _title_of(outcome: Outcome, cell: CellFacts) -> str:
    role = _role_that_explains(cell)
    match outcome:
        case Outcome.HUNG:
            return "does not exit after its result" if "did not exit" in cell.result.reason else "hangs"
        case Outcome.TIMED_OUT:
            return "still runs at its time limit"
        case Outcome.RAISED:
            return f"raises {role.error.type}" if role and role.error else "raises"
        case Outcome.CRASHED:
            return f"crashes: {cell.result.reason}" if cell.result.reason else "crashes"
        case Outcome.LIMIT:
            return f"exceeds a limit: {cell.result.reason}"
        case Outcome.WRONG_BACKEND:
            return "ran on something else"
        case _:
            return f"{outcome}: {cell.result.reason}" if cell.result.reason else str(outcome)


def _role_that_explains(cell: CellFacts) -> RoleResult | None:
    return next((role for role in cell.roles if role.outcome is cell.outcome), None)


def _details_of(outcome: Outcome, culprits: Sequence[CellFacts]) -> tuple[str, ...]:
    """Return each backend's reason once, and the evidence of the first culprit: leaves, traceback, stacks."""
    reasons: dict[str, str] = {}
    for cell in culprits:
        reasons.setdefault(cell.label, _reason_of(outcome, cell))
    lines = [f"{label}: {reason}" for label, reason in reasons.items() if reason]
    role = _role_that_explains(culprits[0])
    if role is not None and role.error is not None:
        lines += role.error.leaves or _last_frames(role.error.traceback)
    for role in culprits[0].roles:
        lines += _lines_of_autopsy(role)
        lines += role.stacks.rstrip().splitlines()[:_STACK_LINES]
    return tuple(lines)


def _lines_of_autopsy(role: RoleResult) -> list[str]:
    autopsy = role.autopsy
    if autopsy is None:
        return []
    named = (
        *(("wait", line) for line in autopsy.waits),
        *(("last seen", str(seen)) for seen in autopsy.last_seen[-_LAST_SEEN:]),
        *(("task", line) for line in autopsy.tasks),
        *(("descriptor", line) for line in autopsy.descriptors),
        *(("thread", line) for line in autopsy.threads),
        *(("child", line) for line in autopsy.children),
    )
    lines = [f"{role.role}: {autopsy.diagnosis}: {'; '.join(autopsy.reasons)}"]
    lines += [f"{role.role}: {name} {line}" for name, line in named]
    return lines


def _last_frames(traceback: str) -> list[str]:
    """Return the innermost frames of a traceback, without the marks below their code and the error, which is known."""
    lines = [line for line in traceback.rstrip().splitlines() if line.strip(" ^~")]
    frames = [number for number, line in enumerate(lines) if line.startswith("  File ")]
    return lines[frames[-_FRAMES:][0] : -1] if frames else []


def _reason_of(outcome: Outcome, cell: CellFacts) -> str:
    if outcome is not Outcome.WRONG_BACKEND:
        return str(cell.result.reason)
    attested = [role.attestation for role in cell.roles if role.attestation and not role.attestation.holds]
    asked = [f"asked for {attestation.expected}, got {attestation.scheduler}" for attestation in attested]
    return "; ".join(asked) or str(cell.result.reason)


def _unavailable_backends(cell: CellFacts) -> Iterator[tuple[str, str]]:
    at_fault = [role for role in cell.roles if role.outcome is Outcome.UNAVAILABLE]
    if at_fault:
        yield from ((role.backend, role.reason or cell.result.reason) for role in at_fault)
    else:
        yield from dict.fromkeys((str(assigned.backend), cell.result.reason) for assigned in cell.cell.roles)


def _judge_missing(backend: str, cases: list[tuple[Row, CellFacts, str]], card: BackendCard | None) -> Judgement:
    row, _, error = cases[0]
    hint = (card.install_hint,) if card and card.install_hint else ()
    cells = list(dict.fromkeys(cell.id for _, cell, _ in cases))
    return make_judgement(
        row,
        FindingKind.UNAVAILABLE,
        [cell for _, cell, _ in cases],
        "cannot run here",
        backends=(backend,),
        reason=error,
        details=(*hint, f"{len(cells)} cell{'s' * (len(cells) != 1)} not run"),
    )
