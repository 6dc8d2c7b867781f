"""One sentence about a run, and its findings without repetition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from harness.model import Comparison, Finding, FindingKind, Outcome, RowSummary

Alike = tuple[Finding, ...]
"""The same finding in several rows of a scenario; at least one."""


def collapse(findings: Iterable[Finding]) -> list[Alike]:
    """Put findings together that say the same of several rows of a scenario, in their order."""
    alike: dict[tuple[FindingKind, str, str], list[Finding]] = {}
    for finding in findings:
        alike.setdefault((finding.kind, finding.row.scenario, finding.title), []).append(finding)
    return [tuple(several) for several in alike.values()]


def make_verdict(comparison: Comparison) -> str:
    """Return the sentence that a reader needs if they read no other."""
    agreement = _agreement(comparison)
    unexpected = collapse(comparison.unexpected)
    if not unexpected:
        return f"{agreement}; nothing unexpected" if agreement else "nothing unexpected, because nothing was compared"
    kinds = Counter(alike[0].kind for alike in unexpected)
    parts = ", ".join(f"{count} {_plural(kind, count)}" for kind, count in kinds.items())
    sentence = f"{len(unexpected)} unexpected {_plural('finding', len(unexpected))}: {parts}"
    return f"{sentence}; {agreement}" if agreement else sentence


def _agreement(comparison: Comparison) -> str:
    in_doubt = {finding.row for finding in comparison.unexpected}
    comparable = [row for row in comparison.rows if _completed(row) > 1]
    if comparable:
        agreeing = sum(row.row not in in_doubt for row in comparable)
        rows = f"{agreeing} of {len(comparable)} {_plural('row', len(comparable))}"
        return f"{rows} {'agrees' if len(comparable) == 1 else 'agree'} on all backends that ran"
    alone = [row for row in comparison.rows if _completed(row) == 1]
    if not alone:
        return ""
    keeping = sum(row.row not in in_doubt for row in alone)
    return f"{keeping} of {len(alone)} {_plural('row', len(alone))} as the contract says, on one backend only"


def _completed(row: RowSummary) -> int:
    return sum(Outcome.COMPLETED in cell.outcomes for cell in row.cells)


def _plural(noun: str, count: int) -> str:
    if count == 1 or noun == FindingKind.UNHANDLED:
        return noun
    return f"{noun}es" if noun.endswith("sh") else f"{noun}s"


def place_of(alike: Sequence[Finding]) -> str:
    """Say in which rows findings that are alike were found."""
    if len(alike) == 1:
        return str(alike[0].row)
    return f"{alike[0].row.scenario}, in {len(alike)} rows"
