"""One page: is a backend a drop-in for another one, which behaviours differ, from which causes, and which improve."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from harness.model import Basis, Comparison, Difference, DropIn, RenderOptions, RootCause, Run

from .markdown_text import code, table, text
from .safe_text import clean, shorten

_MOST_ROWS = 3
_MOST_NAMES = 8
_NONE = "the run compared no candidate with a baseline: harness drop-in does\n"
_BADGE_OK, _BADGE_BAD = "#4c1", "#e05d44"


def render_drop_in(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    """Return the page as text."""
    drop_in = comparison.drop_in
    if drop_in is None:
        return _NONE
    lines = [describe_verdict(drop_in, comparison), _subject(run, drop_in), ""]
    gaps = [check for check in drop_in.checks if check.gap]
    if gaps:
        width = max(len(gap.name) for gap in gaps)
        lines += [f"missing  {gap.name:{width}}  {clean(gap.gap)}" for gap in gaps]
        lines.append("")
    for number, cause in enumerate(drop_in.causes, 1):
        lines += [*_cause_lines(number, cause, drop_in), ""]
    lines += _better_lines(drop_in)
    lines.append(_count_line(drop_in))
    lines += [f"not compared: {clean(reason)}" for reason in drop_in.not_compared]
    return "\n".join(_wrap(line, options.width) for line in lines)


def describe_verdict(drop_in: DropIn, comparison: Comparison) -> str:
    """Return the verdict on one line."""
    if comparison.incomplete:
        return f"INCOMPLETE: no verdict on {drop_in.candidate}: {comparison.incomplete}"
    if drop_in.is_drop_in:
        return f"DROP-IN: {drop_in.candidate} behaves like {drop_in.baseline} in {drop_in.compared} comparisons"
    return f"NOT A DROP-IN: {_count_differences(drop_in)}"


def count_behaviours(drop_in: DropIn) -> int:
    """Return how many behaviours differ: a leak counts once, whichever scenario shows it."""
    left = {cause.title for cause in drop_in.causes if cause.basis is Basis.LEFTOVER}
    answers = {
        drop_in.differences[place].row.scenario
        for cause in drop_in.causes
        if cause.basis is not Basis.LEFTOVER
        for place in cause.findings
    }
    return len(left) + len(answers)


def _count_differences(drop_in: DropIn) -> str:
    parts = []
    if drop_in.differences:
        behaviours = _plural(count_behaviours(drop_in), "behaviour differs", "behaviours differ")
        causes = _plural(len(drop_in.causes), "root cause", "root causes")
        parts.append(f"{behaviours} from {drop_in.baseline}, {causes}")
    gaps = sum(1 for check in drop_in.checks if check.gap)
    if gaps:
        parts.append(_plural(gaps, "capability is missing", "capabilities are missing"))
    return "; ".join(parts)


def _plural(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"


def _subject(run: Run, drop_in: DropIn) -> str:
    versions: dict[str, str] = {}
    for record in run.records:
        if record.cell.label == drop_in.candidate:
            for role in record.result.roles:
                if role.attestation is not None:
                    versions = {**role.attestation.versions, "Python": role.attestation.python}
    environment = run.started.environment
    system = f"{environment.get('system', '')} {environment.get('machine', '')}".strip()
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    return ", ".join(filter(None, (f"{drop_in.candidate} against {drop_in.baseline}", named, system)))


def _cause_lines(number: int, cause: RootCause, drop_in: DropIn) -> Iterator[str]:
    found = [drop_in.differences[place] for place in cause.findings]
    differences = [difference for difference in found if difference.row not in cause.dependent]
    rows = _plural(len(cause.rows), "row", "rows")
    yield f"{number}. {cause.harm.upper()}: {clean(cause.title)} ({rows})"
    if len(cause.rows) == 1:
        yield f"   asks: {clean(differences[0].question)}"
    for difference in differences[:_MOST_ROWS]:
        yield f"   {difference.row} on {difference.backend}"
        yield f"      {drop_in.baseline}: {_shown(difference.expected)}"
        raised = f" ({', '.join(map(clean, difference.raised))})" if difference.raised else ""
        yield f"      here: {_shown(difference.seen)}{raised}"
    yield from (f"   symptom: {clean(symptom)}" for symptom in cause.symptoms)
    if more := list(dict.fromkeys(str(difference.row) for difference in differences[_MOST_ROWS:])):
        yield f"   also {_name_rows(more)}"
    if cause.dependent:
        yield f"   dependent on it {_name_rows(cause.dependent)}"
    scripted = next((difference for difference in differences if difference.has_script), None)
    if scripted is not None:
        yield f"   script: harness script {scripted.row.scenario} --backend {scripted.backend}"
    else:
        yield f"   again:  {differences[0].command}"


def _name_rows(rows: Sequence[object]) -> str:
    more = f" and {len(rows) - _MOST_NAMES} more" if len(rows) > _MOST_NAMES else ""
    return f"{', '.join(map(str, rows[:_MOST_NAMES]))}{more}"


def _shown(values: Sequence[str]) -> str:
    return shorten(clean(" or ".join(values)), 200)


def _better_lines(drop_in: DropIn) -> Iterator[str]:
    if not drop_in.better:
        return
    yield f"better than {drop_in.baseline}:"
    for difference in drop_in.better:
        yield f"   {difference.row}: {_shown(difference.seen)}, not {_shown(difference.expected)}"
    yield ""


def _count_line(drop_in: DropIn) -> str:
    same = drop_in.compared - len({(d.row, d.backend) for d in drop_in.differences})
    line = f"same: {same} of {drop_in.compared} comparisons (a row with an idiom)"
    checks = sum(1 for check in drop_in.checks if not check.gap)
    if drop_in.checks:
        line += f", {checks} of {len(drop_in.checks)} capabilities"
    if drop_in.unsteady > 0:
        line += f"; {drop_in.unsteady} differed once and not again"
    return line


def _wrap(line: str, width: int) -> str:
    if len(line) <= width:
        return line
    indent = " " * (len(line) - len(line.lstrip()) + 3)
    return textwrap.fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def render_markdown(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    """Return the verdict and a table of root causes for a README."""
    del options
    drop_in = comparison.drop_in
    if drop_in is None:
        return _NONE
    lines = [f"**{text(describe_verdict(drop_in, comparison))}**", "", text(_subject(run, drop_in)), ""]
    rows = [[text(check.name), "missing", text(check.gap)] for check in drop_in.checks if check.gap]
    rows += [[text(cause.title), text(cause.harm), _examples(cause, drop_in.differences)] for cause in drop_in.causes]
    if rows:
        lines += [*table((f"differs from {text(drop_in.baseline)}", "harm", "shown by"), rows), ""]
    if drop_in.better:
        better = ([text(str(d.row)), text(_shown(d.expected)), text(_shown(d.seen))] for d in drop_in.better)
        lines += [*table(("better", text(drop_in.baseline), text(drop_in.candidate)), better), ""]
    return "\n".join(lines)


def _examples(cause: RootCause, differences: Sequence[Difference]) -> str:
    names = list(dict.fromkeys(differences[place].row.scenario for place in cause.findings))
    more = f" and {len(names) - _MOST_ROWS} more" if len(names) > _MOST_ROWS else ""
    return ", ".join(code(name) for name in names[:_MOST_ROWS]) + more


def render_badge(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    """Return an SVG badge with the verdict."""
    del run, options
    drop_in = comparison.drop_in
    if drop_in is None:
        return _NONE
    is_good = drop_in.is_drop_in and not comparison.incomplete
    right = "yes" if is_good else f"{count_behaviours(drop_in)} differ" if drop_in.differences else "no"
    return _badge(f"drop-in for {drop_in.baseline}", right, _BADGE_OK if is_good else _BADGE_BAD)


def _badge(left: str, right: str, colour: str) -> str:
    widths = [10 + 7 * len(part) for part in (left, right)]
    return "".join(_badge_lines((left, right), widths, colour))


def _badge_lines(parts: Iterable[str], widths: Sequence[int], colour: str) -> Iterator[str]:
    total, (first, second) = sum(widths), widths
    left, right = (escape(part) for part in parts)
    yield f'<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="20" role="img" '
    yield f'aria-label="{left}: {right}"><title>{left}: {right}</title>'
    yield f'<rect width="{first}" height="20" fill="#555"/>'
    yield f'<rect x="{first}" width="{second}" height="20" fill="{colour}"/>'
    yield '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
    yield f'<text x="{first / 2:g}" y="14">{left}</text>'
    yield f'<text x="{first + second / 2:g}" y="14">{right}</text></g></svg>\n'
