"""The backends at a glance: bugs, differences, hangs, and relative speed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.model import CellSummary, Comparison, FindingKind, Outcome, RowSummary
from harness_reports.pairs_grid import has_pairs
from harness_reports.safe_text import clean
from harness_reports.squares import best_labels, overall_text

_STOPS = (FindingKind.HANG, FindingKind.CRASH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """One line about a backend."""

    label: str
    tone: str
    verdict: str
    """A word or two."""
    rows: int
    fine: int
    allowed: int
    known: int
    unexpected: int
    stopped: int
    """Rows in which it hung or crashed, known or not."""
    not_run: int
    speed: str
    speed_order: float
    speed_rows: int
    best: int


def glance_at(comparison: Comparison, labels: Sequence[str]) -> list[Glance]:
    """Return a line for each of these columns."""
    return [_glance(comparison, label) for label in labels]


def _glance(comparison: Comparison, label: str) -> Glance:
    found = [(row, cell) for row in comparison.rows for cell in row.cells if label in (cell.label, *_one_role(cell))]
    cells = [cell for _, cell in found]
    ran = [cell for cell in cells if cell.outcome not in (Outcome.UNAVAILABLE, Outcome.UNSUPPORTED, Outcome.NOT_RUN)]
    unexpected = sum(cell.is_unexpected for cell in ran)
    known = sum(bool(cell.known) and not cell.is_unexpected for cell in ran)
    allowed = sum(bool(cell.findings) and not cell.is_unexpected and not cell.known for cell in ran)
    stopped = sum(any(kind in _STOPS for kind in (*cell.findings, *cell.known)) for cell in ran)
    stops = any(kind in _STOPS for cell in ran for kind in cell.findings)
    tone, verdict = _verdict(len(ran), unexpected, known, stops=stops)
    overall = comparison.overall.get(label)
    return Glance(
        label=clean(label),
        tone=tone,
        verdict=verdict,
        rows=len(ran),
        fine=len(ran) - unexpected - known - allowed,
        allowed=allowed,
        known=known,
        unexpected=unexpected,
        stopped=stopped,
        not_run=len(cells) - len(ran),
        speed="reference" if label == comparison.reference else overall_text(overall) if overall else "",
        speed_order=overall.ratio if overall else 1.0,
        speed_rows=overall.rows if overall else 0,
        best=sum(label in best_labels(row) for row, _ in found),
    )


def _one_role(cell: CellSummary) -> tuple[str, ...]:
    """Return the backends of a pair, each of which has a part in the result of the pair."""
    return cell.roles if len(set(cell.roles)) > 1 else ()


def _verdict(ran: int, unexpected: int, known: int, *, stops: bool) -> tuple[str, str]:
    if not ran:
        return "off", "did not run"
    if unexpected and stops:
        return "bad", "hangs or crashes"
    if unexpected:
        return "bad", "unexpected findings"
    if known:
        return "may", "known differences"
    return "ok", "as expected"


def has_speed(rows: Sequence[RowSummary]) -> bool:
    """Return whether any row has a ratio, so that a column for speed says something."""
    return any(cell.ratio and cell.ratio.ratio for row in rows if not has_pairs(row) for cell in row.cells)
