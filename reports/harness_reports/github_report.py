"""Annotations of GitHub Actions: a line for each finding, which GitHub shows beside the run."""

from __future__ import annotations

from harness.model import Comparison, RenderOptions, Run

from .finding_groups import Alike
from .finding_view import sort_findings
from .safe_text import clean
from .verdict import Tone, make_verdict, place_of, tone_of


def render_github(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    """Return workflow commands: an error for an unexpected finding, a notice for a known one or one by design."""
    del run, options
    found = sort_findings(comparison.findings)
    lines = [_command("error", alike) for alike in found.unexpected]
    lines += [_command("notice", alike) for alike in (*found.allowed, *found.known)]
    lines += [_command("warning", (finding,)) for finding in found.unavailable]
    kind = {Tone.FINE: "notice", Tone.OPEN: "warning", Tone.BAD: "error"}[tone_of(comparison)]
    return "".join(f"{line}\n" for line in (*lines, f"::{kind} title=harness::{_data(make_verdict(comparison))}"))


def _command(level: str, alike: Alike) -> str:
    finding = alike[0]
    parts = [f"{place_of(alike)}: {finding.title}", finding.known or finding.reason, finding.command]
    return f"::{level} title={_property(f'harness: {finding.kind}')}::{_data('; '.join(filter(None, parts)))}"


def _data(value: str) -> str:
    return clean(value).replace("%", "%25")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")
