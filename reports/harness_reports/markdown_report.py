"""Markdown for a comment on a pull request, or for the summary of a GitHub Actions step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.model import Comparison, Finding, Group, RenderOptions, Run

from .backend_summary import BackendSummary, Standing, summarise_backends
from .finding_groups import Alike
from .finding_view import sort_findings
from .grid import GridBlock, make_blocks, make_footnotes
from .header import describe_extent, describe_machine, describe_noise, render_repeats, render_self_check
from .markdown_text import block, code, folded, linked, table, text
from .pairs_grid import has_pairs
from .private import without_paths
from .questions import LETTERS, make_question_blocks, split_questions
from .safe_text import clean_lines, shorten
from .squares import FINE
from .verdict import Tone, make_verdict, place_of, tone_of

_ROOM = 60_000
"""GitHub takes 65,536 characters in a comment."""
_MOST_DETAILS = 12
_VALUE_LENGTH = 200


def render_markdown(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    """Return the report as Markdown: verdict, backends, findings, then the matrix, folded.

    It stays below what GitHub takes in a comment: findings come first and are all named, even where there is no room
    for their details.
    """
    head = "\n".join(_head_lines(run, comparison))
    del options
    parts = [head, *_finding_parts(comparison), *_matrix_parts(run, comparison)]
    end = f"\nThe whole report: {code(f'harness report {comparison.run_id} --format html')}\n"
    return "\n".join([*_fitting(parts, _ROOM - len(end)), end])


def _fitting(parts: Sequence[str | tuple[str, str]], room: int) -> Iterator[str]:
    """Yield parts while there is room; a pair is a part and its shorter replacement."""
    least = sum(len(part[1]) + 1 for part in parts if isinstance(part, tuple))
    for part in parts:
        whole, brief = part if isinstance(part, tuple) else (part, "")
        least -= len(brief) + 1 if isinstance(part, tuple) else 0
        shown = whole if len(whole) + least < room else brief
        room -= len(shown) + 1
        if room > 0 and shown:
            yield shown


def _head_lines(run: Run, comparison: Comparison) -> Iterator[str]:
    sign = {Tone.FINE: "✅", Tone.OPEN: "⚠️", Tone.BAD: "❌"}[tone_of(comparison)]
    yield f"### {sign} harness: {text(make_verdict(comparison))}"
    yield ""
    yield f"{text(describe_extent(run, comparison))}  "
    yield text(describe_machine(run))
    if comparison.incomplete:
        yield f"\nto continue: `harness resume {text(comparison.run_id)}`"
    elif comparison.note:
        yield f"\n**note:** {text(comparison.note)}"
    if noise := describe_noise(run):
        yield f"\n{text(noise)}"
    if comparison.repeats is not None:
        yield f"\n{text(render_repeats(comparison.repeats).plain)}"
    if comparison.self_check is not None:
        yield f"\n{text(render_self_check(comparison.self_check).plain)}"
    yield ""
    head = ("backend", "bugs", "differences", "known", "by design", "hangs", "not run", "cost")
    yield from table(head, (_backend_cells(line) for line in summarise_backends(run, comparison)))
    yield ""


def _backend_cells(line: BackendSummary) -> list[str]:
    counts = (Standing.BUG, Standing.DIFFERENCE, Standing.KNOWN, Standing.BY_DESIGN)
    shown = [str(line.count(standing)) for standing in counts]
    return [f"**{text(line.label)}**", *shown, line.hang_text, str(line.count(Standing.NOT_RUN)), line.cost_text]


# --- findings ---


def _finding_parts(comparison: Comparison) -> Iterator[str | tuple[str, str]]:
    found = sort_findings(comparison.findings)
    for alike in found.unexpected:
        title = _title_of(alike)
        yield "\n".join((f"#### {title}", "", *_field_lines(alike[0]))), f"- {title}"
    for finding in found.unavailable:
        hints = f" ({text('; '.join(finding.details))})" if finding.details else ""
        yield f"- **unavailable** {text(', '.join(finding.backends))}: {text(finding.reason)}{hints}"
    for name, several in (
        ("differences by design", found.allowed),
        ("known differences", found.known),
        ("notes", found.stalled),
    ):
        if several:
            lines = [f"- {_title_of(alike)}{_known_text(alike[0])}" for alike in several]
            brief = "\n".join(folded(f"{len(several)} {name}", (f"- {_title_of(alike)}" for alike in several)))
            yield "\n".join(folded(f"{len(several)} {name}", lines)), brief


def _title_of(alike: Alike) -> str:
    return f"**{alike[0].kind}** {text(place_of(alike))}: {text(alike[0].title)}"


def _known_text(finding: Finding) -> str:
    return f" ({linked(finding.known or finding.reason)})" if finding.known or finding.reason else ""


def _field_lines(finding: Finding) -> Iterator[str]:
    why = " ".join(
        part for part in (linked(finding.reason), f"({linked(finding.reference)})") if part not in ("", "()")
    )
    for name, value in (
        ("expected", text(finding.expected)),
        ("why", why),
        ("seen", "; ".join(map(_group_text, finding.groups))),
        ("culprit", "; ".join(map(text, finding.culprit))),
        ("depends on", ", ".join(code(row) for row in finding.depends_on)),
        ("first difference" if finding.key else "last seen", text(finding.divergence)),
    ):
        if value:
            yield f"- {name}: {value}"
    details = [line for detail in finding.details for line in clean_lines(without_paths(detail))]
    if details:
        yield ""
        yield from block(details[:_MOST_DETAILS])
    if finding.command:
        yield ""
        yield from block([finding.command], "sh")
    yield ""


def _group_text(group: Group) -> str:
    count = f" ({group.seen} of {group.of})" if group.of > 1 else ""
    return f"{code(shorten(group.value, _VALUE_LENGTH))} on {text(', '.join(group.backends))}{count}"


# --- matrix ---


def _matrix_parts(run: Run, comparison: Comparison) -> Iterator[str | tuple[str, str]]:
    measured, questions = split_questions(run, comparison)
    figures = make_blocks(run, [row for row in measured if not has_pairs(row)])
    answers = make_question_blocks(run, questions)
    notes = [f"- {text(note)}" for note in make_footnotes(comparison)]
    for name, blocks, more in (("figures", figures, notes), ("questions answered differently", answers, [LETTERS])):
        if blocks:
            lines = [*_block_lines(blocks, comparison.labels), "", *more]
            yield "\n".join(folded(name, lines)), f"There is no room for the {name} here.\n"
    pairs = [row for row in measured if has_pairs(row)]
    if pairs:
        lines = list(_block_lines(make_blocks(run, pairs), comparison.labels))
        yield "\n".join(folded("pairs", lines)), "There is no room for the pairs here.\n"


def _block_lines(blocks: Sequence[GridBlock], labels: Sequence[str]) -> Iterator[str]:
    used = {label for part in blocks for row in part.rows for label in row.squares}
    columns = [label for label in labels if label in used]
    lines: list[list[str]] = []
    for part in blocks:
        if part.heading:
            caption = f": {text(part.caption)}" if part.caption else ""
            lines.append([f"**{text(part.heading)}**{caption}", *[""] * len(columns)])
        for row in part.rows:
            squares = [row.squares.get(column) for column in columns]
            texts = [
                ""
                if sq is None
                else " ".join(filter(None, (text(sq.head), _word(sq.symbol, sq.meaning), sq.whole_ratio)))
                for sq in squares
            ]
            lines.append([text(row.name), *texts])
    yield from table(["", *map(text, columns)], lines)


def _word(symbol: str, meaning: str) -> str:
    return "" if symbol == FINE else f"_{meaning}_"
