"""What changed between two runs, for build servers and browsers: JUnit XML, annotations of GitHub, an HTML page."""

from __future__ import annotations

import html
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Sequence

from harness.compare.transitions import Change, FindingChange, GateCause, RunChanges

from .changes_text import Section, clean, describe_unchanged, describe_verdict, make_sections, title_of

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .25rem .75rem .25rem 0 }
th, tr + tr td { border-top: 1px solid #8884 } .verdict { font-size: 1.2rem; font-weight: 600 }
.ok { color: #1a7f37 } .bad { color: #cf222e } .odd { color: #9a6700 }
@media (prefers-color-scheme: dark) { .ok { color: #4ac26b } .bad { color: #ff8182 } .odd { color: #d4a72c } }
"""


def render_junit(changes: RunChanges, failing: Sequence[GateCause]) -> str:
    """Return a test case for each change; the changes that the gate fails on are failures."""
    root = ET.Element("testsuites", name=f"harness compare {title_of(changes)}")
    suite = ET.SubElement(root, "testsuite", name="changes")
    for name, cause, message in _causes(changes):
        case = ET.SubElement(suite, "testcase", classname="harness.compare", name=clean(name), time="0.000")
        if cause in failing:
            ET.SubElement(case, "failure", type=cause.value, message=clean(message))
        else:
            ET.SubElement(case, "system-out").text = clean(message)
    case = ET.SubElement(suite, "testcase", classname="harness.compare", name="the comparison is whole", time="0.000")
    for text in changes.incomplete:
        ET.SubElement(case, "error", type="incomplete", message=clean(text))
    ET.SubElement(case, "system-out").text = f"{describe_verdict(changes)}\n{describe_unchanged(changes)}"
    for element in (suite, root):
        element.set("tests", str(len(suite)))
        element.set("failures", str(len(suite.findall("*/failure"))))
        element.set("errors", str(len(suite.findall("*/error"))))
        element.set("time", "0.000")
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def render_github(changes: RunChanges, failing: Sequence[GateCause]) -> str:
    """Return annotations: an error for each change that the gate fails on, a notice for the rest, and the verdict."""
    lines = [
        f"::{'error' if cause in failing else 'notice'} title=harness%3A {cause.value}::{_data(f'{name}: {message}')}"
        for name, cause, message in _causes(changes)
    ]
    lines += [f"::warning title=harness%3A incomplete::{_data(text)}" for text in changes.incomplete]
    level = {"ok": "notice", "odd": "warning", "bad": "error"}[_tone(changes)]
    return "".join(f"{line}\n" for line in (*lines, f"::{level} title=harness::{_data(describe_verdict(changes))}"))


def render_html(changes: RunChanges, *, verbose: bool) -> str:
    """Return the report as a page that needs no other file."""
    title = html.escape(title_of(changes))
    body = "\n".join(map(_section_html, make_sections(changes, verbose=verbose)))
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{_STYLE}</style></head>
<body>
<h1>{title}</h1>
<p class="verdict {_tone(changes)}">{html.escape(describe_verdict(changes))}</p>
{body}
<p>{html.escape(describe_unchanged(changes))}</p>
</body>
</html>
"""


def _section_html(section: Section) -> str:
    head = "".join(f"<th>{html.escape(column)}</th>" for column in section.columns)
    rows = "\n".join(f"<tr>{''.join(f'<td>{html.escape(clean(t))}</td>' for t in line)}</tr>" for line in section.lines)
    return f"<h2>{html.escape(section.heading)}</h2>\n<table>\n<tr>{head}</tr>\n{rows}\n</table>"


def _tone(changes: RunChanges) -> str:
    if changes.is_regression:
        return "bad"
    return "odd" if changes.incomplete else "ok"


def _causes(changes: RunChanges) -> Iterator[tuple[str, GateCause, str]]:
    """Yield what may be worse: where, which kind, and how."""
    told = set()
    for finding in _regressed(changes.findings):
        told.add((finding.row, finding.label))
        known = f" (known: {finding.known})" if finding.known else ""
        cause = GateCause.KNOWN if finding.known else GateCause.BUG
        yield f"{finding.row} on {finding.label}: {finding.kind}", cause, f"{finding.title}{known}"
    for outcome in changes.outcomes:
        if outcome.change is Change.REGRESSED and (outcome.row, outcome.label) not in told:
            yield f"{outcome.row} on {outcome.label}: outcome", GateCause.OUTCOME, f"{outcome.before} → {outcome.after}"
    for figure in changes.slower:
        how = f"{figure.before:.4g} → {figure.after:.4g} {figure.unit}"
        yield f"{figure.row} on {figure.label}: {figure.key}", GateCause.SLOWER, how
    for answer in changes.answers:
        how = f"{' | '.join(answer.before)} → {' | '.join(answer.after)}"
        yield f"{answer.row} on {answer.label}: {answer.key}", GateCause.ANSWER, how
    for row in changes.missing:
        yield f"{row.row} on {row.label}: missing", GateCause.MISSING, f"not in {row.lacks}"


def _regressed(findings: Iterable[FindingChange]) -> Iterator[FindingChange]:
    return (finding for finding in findings if finding.change is Change.REGRESSED)


def _data(value: str) -> str:
    return clean(value).replace("%", "%25")
