"""What changed between two runs, as text, Markdown or HTML: the same sections, laid out in several ways."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.compare.transitions import Change, FigureChange, FindingChange, OutcomeChange, RunChanges
from harness.model import SpeedVerdict

from .plain import name_some, printable

_TIMES = "\N{MULTIPLICATION SIGN}"
_MOST_NAMES = 4
_SIDES = ((Change.REGRESSED, SpeedVerdict.SLOWER), (Change.FIXED, SpeedVerdict.FASTER))
_QUIET_VERDICTS = (None, SpeedVerdict.EQUIVALENT, SpeedVerdict.INCONCLUSIVE)

Lines = list[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and a table below it."""

    heading: str
    columns: tuple[str, ...]
    lines: Lines


def render_text(changes: RunChanges, *, verbose: bool) -> str:
    """Return the report for a terminal: the verdict stands at the end."""
    sections = make_sections(changes, verbose=verbose)
    blocks = [title_of(changes), *map(_as_text, sections), describe_unchanged(changes), describe_verdict(changes)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def render_markdown(changes: RunChanges, *, verbose: bool) -> str:
    """Return the report for a pull request: the verdict stands at the top."""
    head = [f"### {title_of(changes)}", f"**{describe_verdict(changes)}**"]
    blocks = [*head, *map(_as_markdown, make_sections(changes, verbose=verbose)), describe_unchanged(changes)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def title_of(changes: RunChanges) -> str:
    """Return the names of the two runs."""
    return clean(f"{changes.before} → {changes.after}")


def make_sections(changes: RunChanges, *, verbose: bool) -> list[Section]:
    """Return the changes: conditions first, then regressions, then the rest; with `verbose` also unchanged rows."""
    return [section for section in _sections(changes, verbose=verbose) if section.lines]


def _sections(changes: RunChanges, *, verbose: bool) -> Iterator[Section]:
    yield Section("incomplete", ("what",), [(text,) for text in changes.incomplete])
    yield Section(
        "differences of the conditions",
        ("what", "before", "after"),
        [(change.name, change.before, change.after) for change in changes.conditions],
    )
    yield Section("speed is not compared", ("because",), [(text,) for text in changes.obstacles])
    yield Section("missing rows", ("what", "where"), list(_missing(changes)))
    wanted = [Change.REGRESSED, Change.FIXED, Change.CHANGED, Change.NEW, Change.GONE]
    for change in [*wanted, Change.UNCHANGED] if verbose else wanted:
        lines = _findings(finding for finding in changes.findings if finding.change is change)
        yield _with_causes(change.value, [*lines, *_outcomes(changes, change)])
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


def _with_causes(heading: str, lines: Lines) -> Section:
    """Return a section of changes; their causes have a column where there are any."""
    columns = ("what", "where", "how", "because of")
    if any(cause for *_, cause in lines):
        return Section(heading, columns, lines)
    return Section(heading, columns[:-1], [line[:-1] for line in lines])


def _missing(changes: RunChanges) -> Iterator[tuple[str, ...]]:
    by_column: dict[tuple[str, str], list[str]] = {}
    for row in changes.missing:
        by_column.setdefault((row.lacks, row.label), []).append(row.row)
    for (lacks, label), rows in by_column.items():
        yield f"not in {lacks}", f"{name_some(rows, _MOST_NAMES)} on {label}"


def _findings(findings: Iterable[FindingChange]) -> Lines:
    """Return a line for findings that say the same of several rows of a scenario, with the cause at its end."""
    alike: dict[tuple[str, str, str, str], list[FindingChange]] = {}
    for finding in findings:
        title = f"{finding.title} (known)" if finding.known else finding.title
        alike.setdefault((finding.kind, finding.scenario, title, finding.cause), []).append(finding)
    return [(kind, _where(same), title, cause) for (kind, _, title, cause), same in alike.items()]


def _where(findings: Sequence[FindingChange]) -> str:
    rows = list(dict.fromkeys(finding.row for finding in findings))
    place = rows[0] if len(rows) == 1 else f"{findings[0].scenario}, in {len(rows)} rows,"
    return f"{place} on {name_some((finding.label for finding in findings), _MOST_NAMES)}"


def _outcomes(changes: RunChanges, change: Change) -> Lines:
    """Return the outcomes that no finding tells of; those of a scenario that changed alike are one line."""
    told = {(finding.row, finding.label) for finding in changes.findings if finding.change is change}
    alike: dict[tuple[str, str, str, str], list[OutcomeChange]] = {}
    for outcome in changes.outcomes:
        if outcome.change is change and (outcome.row, outcome.label) not in told:
            scenario = outcome.row.partition("[")[0]
            alike.setdefault((scenario, outcome.before, outcome.after, outcome.cause), []).append(outcome)
    lines: Lines = []
    for (scenario, before, after, cause), same in alike.items():
        rows = list(dict.fromkeys(outcome.row for outcome in same))
        place = rows[0] if len(rows) == 1 else f"{scenario}, in {len(rows)} rows,"
        how = after if before == after else f"{before} → {after}"
        lines.append(
            ("outcome", f"{place} on {name_some((outcome.label for outcome in same), _MOST_NAMES)}", how, cause)
        )
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


def describe_unchanged(changes: RunChanges) -> str:
    """Count the rows that the sections leave out."""
    headlines = Counter(f.verdict or "too few rounds" for f in changes.figures if f.is_headline)
    parts = [
        f"{sum(finding.change is Change.UNCHANGED for finding in changes.findings)} findings",
        f"{sum(outcome.change is Change.UNCHANGED for outcome in changes.outcomes)} outcomes",
    ]
    text = f"unchanged: {', '.join(parts)}"
    figures = ", ".join(f"{count} {verdict}" for verdict, count in sorted(headlines.items()))
    return f"{text}; headline figures: {figures}" if figures else text


def describe_verdict(changes: RunChanges) -> str:
    """Return the number of changes in each direction, and their causes; an incomplete run is marked as such."""
    worse, better = (list(_things(changes, *side)) for side in _SIDES)
    total = len(worse) + len(better)
    things = (
        f"{total} thing{'s' * (total != 1)} change{'s' * (total == 1)} for you{_describe_causes([*worse, *better])}"
    )
    parts = ", ".join(f"{count} {kind}" for kind, count in Counter(kind for kind, _ in worse).items())
    change = f"{things}: {len(better)} better, {len(worse)} worse{f' ({parts})' if parts else ''}"
    if worse:
        return change
    if changes.incomplete:
        return f"INCOMPLETE, no verdict{f'; {change} so far' if total else ''}"
    return f"nothing regressed; {change}" if total else "nothing regressed"


def _things(changes: RunChanges, change: Change, verdict: SpeedVerdict) -> Iterator[tuple[str, str]]:
    """Yield kind and cause of each change in a direction."""
    for kind, *_, cause in _findings(finding for finding in changes.findings if finding.change is change):
        yield kind, cause
    for *_, cause in _outcomes(changes, change):
        yield "outcome", cause
    for figure in changes.figures:
        if figure.is_headline and figure.verdict is verdict:
            yield f"{verdict} figure", figure.cause


def _describe_causes(things: Sequence[tuple[str, str]]) -> str:
    """Return `, all of them Python's`, or how many each cause has; nothing where no cause is known."""
    causes = Counter(cause for _, cause in things if cause)
    if len(causes) == 1 and causes.total() == len(things):
        (cause,) = causes
        return f", {'all of them ' * (len(things) > 1)}because of {cause}"
    return "".join(f", {count} because of {cause}" for cause, count in causes.most_common())


def _as_text(section: Section) -> str:
    cleaned = [tuple(map(clean, line)) for line in section.lines]
    widths = [max(len(line[column]) for line in cleaned) for column in range(len(section.columns))]
    rows = ["  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)) for line in cleaned]
    return "\n".join([section.heading, *(f"  {row}".rstrip() for row in rows)])


def _as_markdown(section: Section) -> str:
    def row(texts: Iterable[str]) -> str:
        return f"| {' | '.join(clean(text).replace('|', chr(92) + '|') for text in texts)} |"

    rule = f"|{' --- |' * len(section.columns)}"
    return "\n".join([f"#### {section.heading}", "", row(section.columns), rule, *map(row, section.lines)])


def clean(text: str) -> str:
    """Return text without characters that a terminal would obey."""
    return printable(text, "?")
