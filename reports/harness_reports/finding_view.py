"""Findings as blocks that can be read on their own."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import RenderableType
from rich.text import Text

from harness.model import Finding, FindingKind, Group, RenderOptions, format_parameters

from .console import make_fields, make_lines
from .figures import format_count
from .finding_groups import Alike, collapse, name_dependent
from .safe_text import clean, clean_lines, shorten
from .verdict import count_by_scenario, name_backends, place_of

_MOST_LINES = 500
_MOST_DETAILS = 6
_MOST_GROUPS = 8
_VALUE_LENGTH = 200
_FIELD_WIDTH = 13
"""Indent, name and gap of a field."""
COULD_NOT_RUN = (FindingKind.UNAVAILABLE, FindingKind.INVALID_ENV)
"""Of cells that say nothing about their backend."""
_ALLOWED = (FindingKind.INTERESTING, FindingKind.FLAKY)
_BETWEEN_FRAMES = " < "
_LONG_STACK = 3
_FOLDERS = re.compile(r"(?<!\S)[~/]\S*/(?=[^/\s]+:\d+ in )")
"""Of the files that frames are in."""
_GRADES_TO_SAY = ("interesting", "forbidden")


def render_expected(findings: Sequence[Finding], options: RenderOptions) -> Iterator[RenderableType]:
    """Yield a line for each difference by design, each known one and each backend that could not run.

    Verbose, differences by design have blocks.
    """
    sorted_findings = sort_findings(findings)
    lines = sorted_findings.allowed
    if options.verbosity > 0:
        for alike in lines:
            yield from render_block(alike, alike[0].title, options)
        lines = []
    yield from _render_lines(lines, "difference", " by design (-v explains them)", describe_allowed)
    yield from _render_lines(sorted_findings.known, "known difference", "", describe_known)
    yield from _render_lines(sorted_findings.stalled, "note", ": calls that held a scheduler", describe_allowed)
    if sorted_findings.unavailable:
        yield Text()
        yield from map(describe_unavailable, sorted_findings.unavailable)


def render_block(
    alike: Alike, title: str, options: RenderOptions, dependent: Sequence[Finding] = ()
) -> Iterator[RenderableType]:
    """Yield a finding, or several with one cause, so that it can be read on its own; the dependent ones by name."""
    yield Text()
    yield title_of(alike, title)
    yield make_fields(_fields_of(alike, dependent, options))


def _render_lines(
    lines: Sequence[Alike], noun: str, what: str, describe: Callable[[Alike], Text]
) -> Iterator[RenderableType]:
    if lines:
        yield Text()
        yield Text(f"{format_count(len(lines), noun)}{what}", style="bold cyan")
        yield from map(describe, lines[:_MOST_LINES])
    if len(lines) > _MOST_LINES:
        yield Text(f"  and {len(lines) - _MOST_LINES:,} more (all: --format json)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedFindings:
    """Findings grouped by presentation, in order of weight, similar ones together."""

    unexpected: list[Alike]
    allowed: list[Alike]
    known: list[Alike]
    unavailable: list[Finding]
    """Each has a reason of its own."""
    stalled: list[Alike]
    """Notes."""


def sort_findings(findings: Sequence[Finding]) -> SortedFindings:
    """Return findings by how they are shown."""
    new = [finding for finding in findings if not finding.known]
    return SortedFindings(
        unexpected=collapse(finding for finding in new if finding.unexpected),
        allowed=collapse(finding for finding in new if finding.kind in _ALLOWED),
        known=collapse(finding for finding in findings if finding.known),
        unavailable=[finding for finding in new if finding.kind in COULD_NOT_RUN],
        stalled=collapse(finding for finding in new if finding.kind is FindingKind.STALLED),
    )


def describe_allowed(alike: Alike) -> Text:
    """Return a line that names the backends that differ by design."""
    answers = ", ".join(clean(value) for value in alike[0].values) or clean(alike[0].title)
    return Text.assemble(f"  {clean(place_of(alike))}: ", (answers, "bold"))


def describe_known(alike: Alike) -> Text:
    """Return a line with the known difference, its place and its reason."""
    values = ", ".join(clean(value) for value in alike[0].values)
    return Text.assemble(f"  {clean(place_of(alike))}: ", (values or clean(alike[0].title), "bold")).append(
        f"  {clean(alike[0].known)}", style="dim"
    )


def title_of(alike: Alike, title: str = "") -> Text:
    """Return the title of a finding: the behaviour and the row; findings with one cause have that as their title."""
    finding = alike[0]
    style = "bold red" if finding.unexpected else "bold cyan"
    return Text.assemble(
        (finding.kind.upper(), style), f"  {clean(place_of(alike))}: ", (clean(title or finding.title), "bold")
    )


def describe_unavailable(finding: Finding) -> Text:
    """Return a line that says who could not run, why, and what to do about it."""
    hints = "; ".join(clean(line) for line in finding.details)
    if finding.kind is FindingKind.INVALID_ENV:
        place = f"{clean(finding.row)} on {_names(finding.backends)}"
        return Text.assemble((finding.kind.upper(), "bold yellow"), f"  {place}: {clean(finding.title)}")
    text = Text.assemble(("UNAVAILABLE", "bold"), f"  {_names(finding.backends)}: {clean(finding.reason)}")
    return text.append(f" ({hints})", style="dim") if hints else text


def _fields_of(alike: Alike, dependent: Sequence[Finding], options: RenderOptions) -> list[tuple[str, RenderableType]]:
    finding = alike[0]
    fields = make_lines("rows", _rows_of(alike)) if len(alike) > 1 else []
    fields += make_lines("asks", _some(finding.question if len(count_by_scenario(alike)) == 1 else ""))
    fields += make_lines("expected", _some(finding.expected))
    fields += make_lines("why", _some(_why(finding)))
    fields += make_lines("seen", _seen_of(finding.groups))
    fields += make_lines("culprit", [clean(line) for line in finding.culprit])
    fields += make_lines("needs", [f"{clean(row)}, which breaks too" for row in finding.depends_on])
    fields += make_lines("dependent", _some(name_dependent(dependent)))
    fields += make_lines("diverges" if finding.key else "last seen", _some(finding.divergence))
    fields += make_lines("details", _details_of(finding, options))
    fields += make_lines("again", wrap_command(clean(finding.command), options.width - _FIELD_WIDTH))
    return fields + make_lines("evidence", _some(evidence_path(finding.evidence, options)))


def evidence_path(evidence: str, options: RenderOptions) -> str:
    """Return a path in the run's folder as the reader would type it."""
    if not evidence or not options.run_path:
        return evidence
    return f"{options.run_path.rstrip('/')}/{evidence}"


def wrap_command(command: str, width: int) -> list[str]:
    """Break a shell command between its words, so that a command copied from several lines still runs."""
    try:
        words = [shlex.quote(word) for word in shlex.split(command)]
    except ValueError:
        words = command.split()
    lines: list[str] = []
    for word in _with_their_values(words):
        # Two cells stay free for the backslash that continues a line.
        if lines and cell_len(f"{lines[-1]} {word}") <= width - 2:
            lines[-1] += f" {word}"
        else:
            lines.append(word if not lines else f"  {word}")
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


def _with_their_values(words: Sequence[str]) -> Iterator[str]:
    option = ""
    for word in words:
        if option and not word.startswith("--"):
            yield f"{option} {word}"
            option = ""
            continue
        if option:
            yield option
        option = word if word.startswith("--") else ""
        if not option:
            yield word
    if option:
        yield option


def _rows_of(alike: Alike) -> list[str]:
    scenarios = count_by_scenario(alike)
    if len(scenarios) > 1:
        counted = (f"{clean(name)}{f' ({rows})' if rows > 1 else ''}" for name, rows in scenarios.items())
        return [", ".join(counted)]
    backends = {finding.backends for finding in alike}
    lines = []
    for finding in alike:
        name = clean(format_parameters(finding.row.parameters).strip("[]")) or "defaults"
        lines.append(name if len(backends) == 1 else f"{name}: {_names(finding.backends)}")
    return ["; ".join(lines)] if len(backends) == 1 else lines


def _why(finding: Finding) -> str:
    reference = f"({finding.reference})" if finding.reference else ""
    return " ".join(part for part in (finding.reason, reference) if part)


def _seen_of(groups: Sequence[Group]) -> list[str]:
    lines = [_group_text(group) for group in groups[:_MOST_GROUPS]]
    more = len(groups) - len(lines)
    return lines if more <= 0 else [*lines, f"and {more} more groups"]


def _group_text(group: Group) -> str:
    count = f" ({group.seen} of {group.of})" if group.of > 1 else ""
    grade = f", {group.grade}" if group.grade in _GRADES_TO_SAY else ""
    return f"{shorten(clean(group.value), _VALUE_LENGTH)}: {_names(group.backends)}{count}{grade}"


def _details_of(finding: Finding, options: RenderOptions) -> list[str]:
    lines = [line for detail in finding.details for line in clean_lines(detail)]
    if options.verbosity > 0:
        return lines
    lines = list(map(_shorten_stack, lines))
    more = len(lines) - _MOST_DETAILS
    if more <= 1:
        return lines
    return [*lines[:_MOST_DETAILS], f"… and {more} more lines"]


def _shorten_stack(line: str) -> str:
    """Return a line with the innermost and the outermost frame of its stack, without the folders of their files."""
    frames = _FOLDERS.sub("", line).split(_BETWEEN_FRAMES)
    return _BETWEEN_FRAMES.join(frames if len(frames) < _LONG_STACK else [frames[0], "…", frames[-1]])


def _names(labels: Sequence[str]) -> str:
    return name_backends(labels) or "no backend"


def _some(text: str) -> list[str]:
    return [cleaned] if (cleaned := clean(text)) else []
