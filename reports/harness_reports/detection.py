"""The score of the planted faults: which scenario caught which, and by what."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from harness.model import Comparison, FindingKind, Run

from .safe_text import clean, shorten

_CAUGHT, _MISSED = "✓", "0"
_TITLE_LENGTH = 70


def render_detection(run: Run, comparison: Comparison) -> Iterator[RenderableType]:
    """Yield the score of each scenario, and a line for each fault."""
    planted = {card.label for card in run.started.backends if card.planted}
    faults = _list_faults(planted, comparison)
    width = max((len(_name_of(label)) for found in faults.values() for label in found), default=0)
    for scenario, found in faults.items():
        caught = sum(map(bool, found.values()))
        style = "bold green" if caught == len(found) else "bold red"
        yield Text.assemble((clean(scenario), "bold"), "  ", (f"{caught} of {len(found)} caught", style))
        for label, by in found.items():
            name = (f"{_name_of(label):<{width}}  ", "" if by else "red")
            text = Text.assemble(f"  {_CAUGHT if by else _MISSED} ", name)
            yield text.append(shorten(clean(by), _TITLE_LENGTH) or "not caught", style="dim")
    yield Text()
    yield Text(_score(faults), style="bold")


def _list_faults(planted: set[str], comparison: Comparison) -> dict[str, dict[str, str]]:
    """Return by scenario and label what caught the fault, empty if nothing did."""
    faults: dict[str, dict[str, str]] = {}
    for row in comparison.rows:
        for cell in row.cells:
            if cell.label in planted:
                faults.setdefault(row.row.scenario, {}).setdefault(cell.label, "")
    for finding in comparison.findings:
        for label in planted.intersection(finding.backends):
            if finding.kind is not FindingKind.MISSED and not faults[finding.row.scenario][label]:
                faults[finding.row.scenario][label] = f"{finding.kind}: {finding.title}"
    return faults


def _score(faults: dict[str, dict[str, str]]) -> str:
    everything = [by for found in faults.values() for by in found.values()]
    names = {label for found in faults.values() for label in found}
    score = f"detection score: {sum(map(bool, everything))} of {len(everything)}"
    return f"{score} ({len(names)} planted faults, on all scenarios that must catch them)"


def _name_of(label: str) -> str:
    return clean(label.partition("fault=")[2] or label)
