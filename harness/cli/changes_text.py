"""What changed between two runs, as text or as Markdown: the same sections, laid out in two ways."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.compare.transitions import Change, FigureChange, FindingChange, OutcomeChange, RunChanges
from harness.model import SpeedVerdict

from .plain import name_some, printable

_TIMES = "\N{MULTIPLICATION SIGN}"
_MOST_NAMES = 4
_QUIET_VERDICTS = (None, SpeedVerdict.EQUIVALENT, SpeedVerdict.INCONCLUSIVE)

Lines = list[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and a table below it."""

    heading: str
    columns: tuple[str, ...]
    lines: Lines


def render_changes(changes: RunChanges, *, markdown: bool, verbose: bool) -> str:
    """Return the report: conditions first, then what is worse, then the rest."""
    title = f"{changes.before} → {changes.after}"
    sections = [section for section in _sections(changes, verbose=verbose) if section.lines]
    if markdown:
        blocks = [f"### {_clean(title)}", f"**{_verdict(changes)}**", *map(_as_markdown, sections), _unchanged(changes)]
    else:
        blocks = [_clean(title), *map(_as_text, sections), _unchanged(changes), _verdict(changes)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _sections(changes: RunChanges, *, verbose: bool) -> Iterator[Section]:
    yield Section(
        "differences of the conditions",
        ("what", "before", "after"),
        [(change.name, change.before, change.after) for change in changes.conditions],
    )
    yield Section("speed is not compared", ("because",), [(text,) for text in changes.obstacles])
    wanted = [Change.REGRESSED, Change.FIXED, Change.CHANGED, Change.NEW, Change.GONE]
    for change in [*wanted, Change.UNCHANGED] if verbose else wanted:
        lines = _findings(finding for finding in changes.findings if finding.change is change)
        yield Section(change.value, ("what", "where", "how"), [*lines, *_outcomes(changes, change)])
    yield Section(
        "answers",
        ("what", "where", "before", "after"),
        [(a.key, f"{a.row} on {a.label}", " | ".join(a.before), " | ".join(a.after)) for a in changes.answers],
    )
    figures = [f for f in changes.figures if verbose or (f.is_headline and f.verdict not in _QUIET_VERDICTS)]
    yield Section(
        "figures (the rounds of two runs are not paired)",
        ("verdict", "where", "what", "before", "after", "ratio"),
        [_figure(figure) for figure in figures],
    )


def _findings(findings: Iterable[FindingChange]) -> Lines:
    """Return a line for findings that say the same of several rows of a scenario."""
    alike: dict[tuple[str, str, str], list[FindingChange]] = {}
    for finding in findings:
        title = f"{finding.title} (known)" if finding.known else finding.title
        alike.setdefault((finding.kind, finding.scenario, title), []).append(finding)
    return [(kind, _where(same), title) for (kind, _, title), same in alike.items()]


def _where(findings: Sequence[FindingChange]) -> str:
    rows = list(dict.fromkeys(finding.row for finding in findings))
    place = rows[0] if len(rows) == 1 else f"{findings[0].scenario}, in {len(rows)} rows,"
    return f"{place} on {name_some((finding.label for finding in findings), _MOST_NAMES)}"


def _outcomes(changes: RunChanges, change: Change) -> Lines:
    """Return the outcomes that no finding tells of; those of a scenario that changed alike are one line."""
    told = {(finding.row, finding.label) for finding in changes.findings if finding.change is change}
    alike: dict[tuple[str, str, str], list[OutcomeChange]] = {}
    for outcome in changes.outcomes:
        if outcome.change is change and (outcome.row, outcome.label) not in told:
            scenario = outcome.row.partition("[")[0]
            alike.setdefault((scenario, outcome.before, outcome.after), []).append(outcome)
    lines: Lines = []
    for (scenario, before, after), same in alike.items():
        rows = list(dict.fromkeys(outcome.row for outcome in same))
        place = rows[0] if len(rows) == 1 else f"{scenario}, in {len(rows)} rows,"
        how = after if before == after else f"{before} → {after}"
        lines.append(("outcome", f"{place} on {name_some((outcome.label for outcome in same), _MOST_NAMES)}", how))
    return lines


def _figure(figure: FigureChange) -> tuple[str, ...]:
    verdict = figure.verdict or f"{figure.rounds_before} and {figure.rounds_after} rounds: no verdict"
    ratio = "" if figure.ratio is None else f"{_TIMES}{figure.ratio:.3g}"
    if figure.low is not None and figure.high is not None:
        ratio += f" [{figure.low:.3g}, {figure.high:.3g}]"
    return (
        verdict,
        f"{figure.row} on {figure.label}",
        figure.key,
        f"{figure.before:.4g} {figure.unit}",
        f"{figure.after:.4g} {figure.unit}",
        ratio,
    )


def _unchanged(changes: RunChanges) -> str:
    """Count what the sections leave out."""
    headlines = Counter(f.verdict or "too few rounds" for f in changes.figures if f.is_headline)
    parts = [
        f"{sum(finding.change is Change.UNCHANGED for finding in changes.findings)} findings",
        f"{sum(outcome.change is Change.UNCHANGED for outcome in changes.outcomes)} outcomes",
    ]
    text = f"unchanged: {', '.join(parts)}"
    figures = ", ".join(f"{count} {verdict}" for verdict, count in sorted(headlines.items()))
    return f"{text}; headline figures: {figures}" if figures else text


def _verdict(changes: RunChanges) -> str:
    if not changes.is_regression:
        return "nothing regressed"
    kinds = Counter(f.kind.value for f in changes.findings if f.change is Change.REGRESSED)
    outcomes = _outcomes(changes, Change.REGRESSED)
    kinds.update({"outcome": len(outcomes), "slower figure": len(changes.slower)})
    return f"regressed: {', '.join(f'{count} {kind}' for kind, count in kinds.items() if count)}"


def _as_text(section: Section) -> str:
    cleaned = [tuple(map(_clean, line)) for line in section.lines]
    widths = [max(len(line[column]) for line in cleaned) for column in range(len(section.columns))]
    rows = ["  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)) for line in cleaned]
    return "\n".join([section.heading, *(f"  {row}".rstrip() for row in rows)])


def _as_markdown(section: Section) -> str:
    def row(texts: Iterable[str]) -> str:
        return f"| {' | '.join(_clean(text).replace('|', chr(92) + '|') for text in texts)} |"

    rule = f"|{' --- |' * len(section.columns)}"
    return "\n".join([f"#### {section.heading}", "", row(section.columns), rule, *map(row, section.lines)])


def _clean(text: str) -> str:
    return printable(text, "?")
