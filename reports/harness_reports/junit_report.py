"""JUnit XML: a suite for each scenario, a test case for each cell, as build servers read it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from harness.model import (
    NOT_TRIED,
    CellRecord,
    Comparison,
    Finding,
    FindingKind,
    RenderOptions,
    RowId,
    Run,
    make_command,
)

from .by_cell import FindingsByCell, attach_findings
from .private import without_paths
from .safe_text import clean, clean_lines
from .verdict import make_verdict

_ERRORS = (FindingKind.HARNESS_FAULT, FindingKind.CRASH, FindingKind.WRONG_BACKEND)
_MOST_LINES = 60

Squares = dict[tuple[RowId, str], list[str]]
"""The ids of the cells of each square."""


def render_junit(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    """Return the cells of a run as test cases; equal runs give equal text.

    An unexpected finding is a failure, or an error where the cell crashed or ran on the wrong backend. A known one is a
    skip that says why it is known, as build servers show expected failures. A finding that only some rounds of a square
    show is marked as flaky.
    """
    del options
    found = attach_findings(run, comparison)
    root = ET.Element("testsuites", name=f"harness {clean(comparison.run_id)}")
    by_scenario: dict[str, list[CellRecord]] = {}
    squares: Squares = {}
    for record in run.records:
        by_scenario.setdefault(record.cell.scenario, []).append(record)
        squares.setdefault((record.cell.row, record.cell.label), []).append(record.cell.id)
    for scenario, records in by_scenario.items():
        suite = ET.SubElement(root, "testsuite", name=clean(scenario), timestamp=_timestamp(run))
        for record in records:
            suite.append(_make_case(record, found, squares, run))
        _count(suite)
    suite = ET.SubElement(root, "testsuite", name="harness", timestamp=_timestamp(run))
    for finding in found.elsewhere:
        case = ET.SubElement(suite, "testcase", classname="harness", name=clean(f"{finding.kind}: {finding.row}"))
        case.set("time", "0.000")
        _add_findings(case, [finding], "")
    _add_verdict(suite, comparison)
    _count(suite)
    _count(root)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _make_case(record: CellRecord, found: FindingsByCell, squares: Squares, run: Run) -> ET.Element:
    again = " (again)" if record.cell.alias else ""
    name = f"{clean(record.cell.label)}{again} round {record.cell.round}"
    case = ET.Element("testcase", classname=clean(record.cell.row), name=name, time=f"{record.result.seconds:.3f}")
    findings = found.of.get(record.cell.id, ())
    _add_findings(case, findings, _share(record, findings, found, squares))
    if not findings and record.result.outcome in NOT_TRIED:
        ET.SubElement(case, "skipped", message=clean(f"{record.result.outcome}: {record.result.reason}"))
    for number, attempt in enumerate(record.result.retried, 1):
        # Of Surefire's schema, which build servers read: it passed in the end, or it did not.
        kind = "flakyFailure" if record.result.is_flaky else "rerunFailure"
        element = ET.Element(kind, type=attempt.outcome.value, message=clean(attempt.reason))
        element.text = f"attempt {number} of {len(record.result.retried) + 1}"
        case.insert(number - 1, element)
    lines = [
        f"outcome: {record.result.outcome}{' (flaky)' * record.result.is_flaky}",
        f"again: {clean(make_command(record.cell, run.started.request, run.started.plan.seed))}",
    ]
    lines += [f"reason: {clean(record.result.reason)}"] if record.result.reason else []
    lines += [f"evidence: {clean(record.result.evidence)}"] if record.result.evidence else []
    output = ET.Element("system-out")
    output.text = "\n".join(lines)
    # The schema has an order: what became of it, then its output.
    case.insert(len(case) - len(case.findall("system-err")), output)
    return case


def _share(record: CellRecord, findings: Sequence[Finding], found: FindingsByCell, squares: Squares) -> str:
    """Return in how many of its square's rounds a cell's heaviest finding shows, unless it does in all."""
    if not findings:
        return ""
    square = squares[record.cell.row, record.cell.label]
    showing = sum(findings[0] in found.of.get(other, ()) for other in square)
    return f"flaky, in {showing} of {len(square)} rounds: " if showing < len(square) else ""


def _add_findings(case: ET.Element, findings: Sequence[Finding], share: str) -> None:
    """Add the heaviest unexpected finding as what became of the case, or else why it is fine; the others as text."""
    unexpected = [finding for finding in findings if finding.unexpected]
    if unexpected:
        first = unexpected[0]
        tag = "error" if first.kind in _ERRORS else "failure"
        element = ET.SubElement(case, tag, type=first.kind.value, message=f"{share}{clean(first.title)}")
        element.text = "\n".join(line for finding in findings for line in _lines_of(finding))
    elif known := [finding for finding in findings if finding.known]:
        message = f"{share}known: {clean(known[0].title)}: {clean(known[0].known)}"
        ET.SubElement(case, "skipped", message=message).text = "\n".join(_all_lines(findings))
    elif invalid := [finding for finding in findings if finding.kind is FindingKind.INVALID_ENV]:
        ET.SubElement(case, "error", type=invalid[0].kind.value, message=clean(invalid[0].title))
    elif unavailable := [finding for finding in findings if finding.kind is FindingKind.UNAVAILABLE]:
        ET.SubElement(case, "skipped", message=f"unavailable: {clean(unavailable[0].reason)}")
    elif findings:
        ET.SubElement(case, "system-err").text = "\n".join(_all_lines(findings))


def _all_lines(findings: Sequence[Finding]) -> list[str]:
    return [line for finding in findings for line in _lines_of(finding)]


def _lines_of(finding: Finding) -> list[str]:
    lines = [f"{finding.kind}: {clean(finding.row)} on {clean(', '.join(finding.backends))}: {clean(finding.title)}"]
    for name, value in (
        ("known", finding.known),
        ("expected", finding.expected),
        ("why", " ".join(part for part in (finding.reason, finding.reference) if part)),
        *(
            ("seen", f"{group.value}: {', '.join(group.backends)} ({group.seen} of {group.of})")
            for group in finding.groups
        ),
        *(("culprit", line) for line in finding.culprit),
        ("depends on", ", ".join(map(str, finding.depends_on))),
        ("diverges", finding.divergence),
        ("again", finding.command),
    ):
        lines += [f"  {name}: {clean(value)}"] if value else []
    details = [line for detail in finding.details for line in clean_lines(without_paths(detail))]
    return [*lines, *(f"    {line}" for line in details[:_MOST_LINES])]


def _add_verdict(suite: ET.Element, comparison: Comparison) -> None:
    case = ET.SubElement(suite, "testcase", classname="harness", name="the run is complete", time="0.000")
    if comparison.incomplete:
        ET.SubElement(case, "error", type="incomplete", message=clean(comparison.incomplete))
    ET.SubElement(case, "system-out").text = make_verdict(comparison)


def _count(element: ET.Element) -> None:
    cases = list(element.iter("testcase"))
    element.set("tests", str(len(cases)))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        if element.tag == "testsuite" or name != "skipped":
            element.set(name, str(sum(case.find(tag) is not None for case in cases)))
    element.set("time", f"{sum(float(case.get('time', '0')) for case in cases):.3f}")


def _timestamp(run: Run) -> str:
    # The schema has a time without a zone; ours is UTC.
    return clean(run.started.started_at).partition("+")[0].removesuffix("Z")
