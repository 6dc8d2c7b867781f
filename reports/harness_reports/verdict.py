"""One sentence about a run, and its findings without repetition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

from harness.model import PLANTED, Comparison, FindingKind, Outcome, RowSummary

from .finding_groups import Alike, FindingGroup, group_unexpected
from .safe_text import clean

_MOST_PAIRS = 2


class Tone(StrEnum):
    """How a verdict is shown."""

    FINE = "ok"
    """Green: the run is whole, and nothing is unexpected."""
    OPEN = "odd"
    """Amber: there is no verdict."""
    BAD = "bad"
    """Red: something is unexpected."""


def count_by_scenario(alike: Alike) -> dict[str, int]:
    """Return in how many rows of each scenario a finding was made."""
    return Counter(finding.row.scenario for finding in alike)


def make_verdict(comparison: Comparison) -> str:
    """Return the sentence that a reader needs if they read no other."""
    unexpected = group_unexpected(comparison)
    if comparison.incomplete:
        return f"INCOMPLETE: {clean(comparison.incomplete)}; {_so_far(unexpected)}"
    agreement = _detection(comparison) or _agreement(comparison)
    open_rows = sum(any(cell.withheld and not cell.is_unexpected for cell in row.cells) for row in comparison.rows)
    if open_rows:
        agreement = "; ".join(part for part in (agreement, f"not measured: {_count_rows(open_rows)}") if part)
    if not unexpected:
        return f"nothing unexpected: {agreement}" if agreement else "nothing unexpected, because nothing was compared"
    sentence = _count_findings(unexpected)
    return f"{sentence}; {agreement}" if agreement else sentence


def tone_of(comparison: Comparison) -> Tone:
    """Return the tone of a verdict: red for unexpected findings, green only for a complete run."""
    if comparison.unexpected:
        return Tone.BAD
    return Tone.OPEN if comparison.incomplete or not comparison.rows else Tone.FINE


def _count_rows(count: int) -> str:
    return f"{count} {_plural('row', count)}"


def _so_far(unexpected: Sequence[FindingGroup]) -> str:
    return f"{_count_findings(unexpected)} so far" if unexpected else "no verdict"


def _count_findings(unexpected: Sequence[FindingGroup]) -> str:
    kinds = Counter(group.findings[0].kind for group in unexpected)
    parts = ", ".join(f"{count} {_plural(kind, count)}" for kind, count in kinds.items())
    return f"{len(unexpected)} unexpected {_plural('finding', len(unexpected))}: {parts}"


def name_backends(labels: Sequence[str]) -> str:
    """Name backends; many pairs only by their number, because their names are long and the culprit is said apart."""
    pairs = sum("+client=" in label for label in labels)
    if pairs > _MOST_PAIRS:
        return f"{len(labels)} pairs"
    return ", ".join(clean(label) for label in labels)


def _detection(comparison: Comparison) -> str:
    caught = {(f.row.scenario, label) for f in comparison.known if f.known == PLANTED for label in f.backends}
    missed = sum(finding.kind is FindingKind.MISSED for finding in comparison.findings)
    return f"{len(caught)} of {len(caught) + missed} planted faults caught" if caught or missed else ""


def _agreement(comparison: Comparison) -> str:
    unexpected = {finding.row for finding in comparison.unexpected}
    known = {finding.row for finding in comparison.known} - unexpected
    allowed = {finding.row for finding in comparison.findings if finding.kind is FindingKind.INTERESTING}
    differing = allowed - unexpected - known
    comparable = [row.row for row in comparison.rows if _completed(row) > 1]
    if comparable:
        agreeing = sum(row not in unexpected | known | differing for row in comparable)
        count = f"{agreeing} of {len(comparable)} {_plural('row', len(comparable))}"
        sentence = f"{count} {_verb('agree', len(comparable))}"
        sentence += f", {len(differing)} {_verb('differ', len(differing))} by design" if differing else ""
        return sentence + (f", {len(known)} known" if known else "")
    alone = [row.row for row in comparison.rows if _completed(row) == 1]
    if not alone:
        return ""
    keeping = sum(row not in unexpected for row in alone)
    verb = "keeps" if len(alone) == 1 else "keep"
    rows = f"{keeping} of {len(alone)} {_plural('row', len(alone))}"
    return f"{rows} {verb} the contract (one backend: nothing to compare)"


def _verb(verb: str, count: int) -> str:
    return f"{verb}s" if count == 1 else verb


def _completed(row: RowSummary) -> int:
    return sum(Outcome.COMPLETED in cell.outcomes for cell in row.cells)


def _plural(noun: str, count: int) -> str:
    if count == 1 or noun == FindingKind.UNHANDLED:
        return noun
    return f"{noun}es" if noun.endswith("sh") else f"{noun}s"


def place_of(alike: Alike) -> str:
    """Say in which rows and on which backends findings that are alike were found."""
    backends = name_backends(tuple(dict.fromkeys(label for finding in alike for label in finding.backends)))
    scenarios = count_by_scenario(alike)
    where = alike[0].row.scenario if len(scenarios) == 1 else f"{len(scenarios)} scenarios"
    rows = str(alike[0].row) if len(alike) == 1 else f"{where}, in {len(alike)} rows,"
    return f"{rows} on {backends}" if backends else rows.rstrip(",")
