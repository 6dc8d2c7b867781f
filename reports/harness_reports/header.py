"""What was run, and on what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from harness.model import Comparison, Run

from .safe_text import clean, shorten

_FACTS = ("system", "kernel", "machine", "cpu", "cores")
"""Keys of a run's environment that a reader wants beside the figures, if they are known."""
_FACT_LENGTH = 60


def render_header(run: Run, comparison: Comparison) -> Iterator[Text]:
    """Yield the lines that say what was run, and on what."""
    yield Text.assemble((f"run {clean(comparison.run_id)}", "bold"), (f"  {_extent_of(run, comparison)}", "default"))
    if machine := describe_machine(run):
        yield Text(machine, style="dim")
    if comparison.note:
        yield Text.assemble(("incomplete: ", "bold yellow"), clean(comparison.note))


def describe_machine(run: Run) -> str:
    """Return Python's version and what is known of the machine."""
    facts = [_python_of(run)]
    facts += [_fact_text(key, run.started.environment[key]) for key in _FACTS if key in run.started.environment]
    return " · ".join(dict.fromkeys(fact for fact in facts if fact))


def _extent_of(run: Run, comparison: Comparison) -> str:
    rounds = max((record.cell.round for record in run.records), default=0)
    cells = sum(sum(cell.outcomes.values()) for row in comparison.rows for cell in row.cells)
    backends = _count(len(comparison.labels), "backend")
    size = f"{backends} in {_count(len(comparison.rows), 'row')}, {_count(cells, 'cell')}, {_count(rounds, 'round')}"
    seed = f", seed {run.started.plan.seed}" if run.started.plan.seed else ""
    preset = f", preset {clean(run.started.request.preset)}" if run.started.request.preset else ""
    perturb = "".join(f", perturbed by {clean(text)}" for text in run.started.request.perturb)
    return f"{size}{preset}{seed}{perturb}"


def _python_of(run: Run) -> str:
    """Return what the workers attested; the environment's word if none did."""
    attested = {
        f"{clean(role.attestation.implementation)} {clean(role.attestation.python)}"
        for record in run.records
        for role in record.result.roles
        if role.attestation is not None
    }
    if attested:
        return ", ".join(sorted(attested))
    stated = run.started.environment.get("python", "")
    return f"python {clean(stated)}" if isinstance(stated, str) and stated else ""


def _fact_text(key: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    return clean(f"{value} {key}") if isinstance(value, (int, float)) else shorten(clean(value), _FACT_LENGTH)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
