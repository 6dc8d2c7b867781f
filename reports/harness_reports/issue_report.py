"""A bug report ready to paste upstream: about one cell, with the behaviour of the other runtimes."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from harness.model import (
    CellRecord,
    Comparison,
    Finding,
    FindingKind,
    RenderOptions,
    RoleResult,
    Run,
    ScenarioCard,
    make_command,
)

from .markdown_text import block, code, linked, table, text
from .private import without_paths
from .safe_text import clean, clean_lines, shorten
from .traces import TraceView, view_traces

_MOST_LINES = 60
_STEPS_BEFORE, _STEPS_AFTER = 6, 3
_VALUE_LENGTH = 300
_SCRIPT_FACTS = ("API: ", "Peer: ")
"""Paragraphs of a reproducer's docstring that the report has above it."""
_TITLE_LENGTH = 120


def render_issue(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    """Return a bug report about the first cell of a run, from the findings that the comparison has of it.

    The caller narrows both down: `harness issue` puts the cell first and keeps the cells of its row. Of a whole run it
    is about the heaviest finding. Paths of the machine are not in it.
    """
    record = _subject_of(run, comparison)
    if record is None:
        return "nothing was run: there is nothing to report\n"
    own = [f for f in comparison.findings if f.row == record.cell.row and record.cell.label in f.backends]
    own = _by_interest(own or [f for f in comparison.findings if set(_backends_of(record)) & set(f.backends)])
    card = next((card for card in run.started.scenarios if card.name == record.cell.scenario), None)
    row = [other for other in run.records if other.cell.row == record.cell.row]
    lines = [f"# {_title_of(record, own)}", ""]
    lines += _summary_lines(record, own, card)
    lines += script_facts(options.script)
    lines += ["## Versions", "", *_version_lines(record, run), ""]
    lines += ["## Reproduce", "", *_script_lines(options.script)]
    lines += ["With harness installed (`pip install runtime-harness`):", ""]
    lines += [*block([without_paths(make_command(record.cell, run.started.request, run.started.plan.seed))], "sh"), ""]
    for finding in own:
        lines += _finding_lines(finding, record)
    lines += _trace_lines(view_traces(row), record)
    for role in record.result.roles:
        lines += _role_lines(role, several=len(record.result.roles) > 1)
    return "\n".join(lines).rstrip("\n") + "\n"


def _subject_of(run: Run, comparison: Comparison) -> CellRecord | None:
    if len({record.cell.row for record in run.records}) > 1:
        for finding in _by_interest(comparison.findings):
            for record in run.records:
                if record.cell.row == finding.row and record.cell.label in finding.backends:
                    return record
    return next(iter(run.records), None)


def _by_interest(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings in order of weight, unknown ones first."""
    return sorted(findings, key=lambda finding: not finding.unexpected)


def _backends_of(record: CellRecord) -> list[str]:
    return [record.cell.label, *(str(assigned.backend) for assigned in record.cell.roles)]


def _title_of(record: CellRecord, findings: Sequence[Finding]) -> str:
    what = findings[0].title if findings else str(record.result.outcome)
    return text(shorten(without_paths(clean(f"{record.cell.label}: {what} ({record.cell.scenario})")), _TITLE_LENGTH))


def _summary_lines(record: CellRecord, findings: Sequence[Finding], card: ScenarioCard | None) -> Iterator[str]:
    if card is not None and card.question:
        yield f"**Question:** {text(card.question)}"
        yield ""
    if not findings:
        yield f"The cell {text(record.result.outcome)}; nothing about it is a finding."
        yield ""
    for finding in findings:
        related = f" Related: {linked(without_paths(finding.known))}." if finding.known else ""
        allowed = " It is allowed, and differs between runtimes." if finding.kind is FindingKind.INTERESTING else ""
        yield f"**{finding.kind.capitalize()}:** {text(without_paths(finding.title))}.{allowed}{related}"
        yield ""


def _version_lines(record: CellRecord, run: Run) -> Iterator[str]:
    facts: dict[str, str] = {}
    for role in record.result.roles:
        if role.attestation is not None:
            gil = "" if role.attestation.gil else ", without GIL"
            facts["python"] = f"{role.attestation.implementation} {role.attestation.python}{gil}"
            facts |= dict(role.attestation.versions)
            name = "scheduler" if len(record.result.roles) == 1 else f"scheduler of the {role.role}"
            facts[name] = role.attestation.scheduler
    environment = run.started.environment
    platform = [environment.get(key, "") for key in ("system", "kernel", "machine")]
    facts["platform"] = " ".join(str(part) for part in platform if isinstance(part, str) and part)
    versions = environment.get("versions")
    if isinstance(versions, dict) and "runtime-harness" in versions:
        facts["harness"] = str(versions["runtime-harness"])
    yield from table(
        ("", "version"), ((text(name), text(without_paths(value))) for name, value in facts.items() if value)
    )


def script_facts(script: str) -> list[str]:
    """Return the named parts of a reproducer's docstring: the API that it calls and the peer's behaviour."""
    docstring = ast.get_docstring(ast.parse(script)) or ""
    paragraphs = (" ".join(part.split()) for part in docstring.replace("\nPeer:", "\n\nPeer:").split("\n\n"))
    facts = (part.partition(": ") for part in paragraphs if part.startswith(_SCRIPT_FACTS))
    return [line for name, _, fact in facts for line in (f"**{name}:** {text(fact)}", "")]


def _script_lines(script: str) -> list[str]:
    if not script:
        return []
    head = "A standalone script; it exits with 1 when the problem is there, and with 0 when it is not:"
    return [head, "", *block([script], "python"), ""]


def _finding_lines(finding: Finding, record: CellRecord) -> Iterator[str]:
    if finding.expected or finding.reason or finding.reference:
        yield "## Expected"
        yield ""
        why = f": {linked(without_paths(finding.reason))}" if finding.reason else ""
        yield f"{text(without_paths(finding.expected))}{why}"
        if finding.reference:
            yield ""
            yield f"Reference: {linked(finding.reference)}"
        yield ""
    yield "## Observed"
    yield ""
    if finding.divergence:
        name = "First difference" if finding.key else "Last seen"
        yield f"{name}: {text(without_paths(finding.divergence))}"
        yield ""
    if finding.groups:
        yield from table(("observed", "runtimes", "how often"), _group_cells(finding, record))
        yield ""
    if finding.culprit:
        yield from (f"- {text(line)}" for line in finding.culprit)
        yield ""
    if finding.details and not _is_repeated_below(finding):
        yield from _private_block(finding.details)
        yield ""


def _is_repeated_below(finding: Finding) -> bool:
    """Return whether the details are stacks and errors, which the report has in full."""
    return finding.kind in (FindingKind.HANG, FindingKind.CRASH, FindingKind.UNHANDLED)


def _group_cells(finding: Finding, record: CellRecord) -> Iterator[list[str]]:
    for group in finding.groups:
        labels = ", ".join(
            f"**{text(label)}**" if label == record.cell.label else text(label) for label in group.backends
        )
        value = code(shorten(without_paths(clean(group.value)), _VALUE_LENGTH)) or "nothing"
        yield [value, labels, f"{group.seen} of {group.of}"]


def _trace_lines(view: TraceView | None, record: CellRecord) -> Iterator[str]:
    """Yield the steps around the first difference of each actor, or the last ones where all actors agree."""
    if view is None:
        return
    yield "## Trace"
    yield ""
    if view.is_alike:
        yield f"Every runtime that ran took these steps, {text(record.cell.label)} included."
        yield ""
    for actor in view.actors:
        first = next((index for index, line in enumerate(actor.lines) if line.is_first_difference), None)
        if first is None and not view.is_alike:
            continue
        at = len(actor.lines) if first is None else first
        shown = actor.lines[max(at - _STEPS_BEFORE, 0) : at + _STEPS_AFTER]
        rows = (
            [
                f"{line.number}{' ≠' if line.is_first_difference else ''}",
                *(text(without_paths(step)) or "(no further step)" for step in line.steps),
            ]
            for line in shown
        )
        yield from table((text(actor.name), *map(text, view.columns)), rows)
        yield ""


def _role_lines(role: RoleResult, *, several: bool) -> Iterator[str]:
    of = f" of the {text(role.role)}" if several else ""
    if role.error is not None:
        yield from _section(f"Error{of}", [*role.error.leaves, role.error.traceback])
    unhandled = [f"{e.error.traceback if e.error else ''}\n{e.context}".strip() for e in role.unhandled]
    if role.unhandled_more:
        unhandled.append(f"and {role.unhandled_more} more")
    if unhandled:
        yield from _section(f"Unhandled exceptions{of}", unhandled)
    if role.autopsy is not None:
        autopsy = role.autopsy
        parts = [f"{autopsy.diagnosis}: {'; '.join(autopsy.reasons)}"]
        for name, lines in (
            ("waits", autopsy.waits),
            ("last seen of each actor", tuple(map(str, autopsy.last_seen))),
            ("tasks", autopsy.tasks),
            ("descriptors", autopsy.descriptors),
            ("threads", autopsy.threads),
            ("children", autopsy.children),
        ):
            parts += [f"{name}:", *(f"  {line}" for line in lines)] if lines else []
        yield from _section(f"Autopsy{of}", parts)
    if role.stalls:
        yield from _section(f"Calls that held the scheduler{of}", map(str, role.stalls))
    if role.stacks:
        yield from _section(f"Stacks{of}", [role.stacks])
    left = [*role.escaped, *role.survivors, *role.leaks]
    if left:
        yield from _section(f"Left behind{of}", left)


def _section(title: str, texts: Iterable[str]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield from _private_block(texts)
    yield ""


def _private_block(texts: Iterable[str]) -> list[str]:
    lines = [without_paths(line) for value in texts for line in clean_lines(value)]
    more = len(lines) - _MOST_LINES
    return block(lines if more <= 1 else [*lines[:_MOST_LINES], f"… and {more} more lines"])
