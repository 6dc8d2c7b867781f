"""Header of a report: the selection and the machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from harness.model import LOCAL, Comparison, Repeats, RowId, Run, SelfCheck

from .figures import format_count, format_factor
from .safe_text import clean, shorten

_FACTS = ("system", "kernel", "machine", "cpu", "cores")
"""Keys of a run's environment that a reader wants beside the figures, if they are known."""
_FACT_LENGTH = 60


def render_header(run: Run, comparison: Comparison) -> Iterator[Text]:
    """Yield the lines of the header: the selection and the machine."""
    yield Text.assemble(
        (f"run {clean(comparison.run_id)}", "bold"), (f"  {describe_extent(run, comparison)}", "default")
    )
    if machine := describe_machine(run):
        yield Text(machine, style="dim")
    if limits := describe_limits(run):
        yield Text(limits, style="dim")
    if comparison.incomplete:
        yield Text.assemble(("incomplete: ", "bold yellow"), clean(comparison.incomplete))
    elif comparison.note:
        yield Text.assemble(("note: ", "bold yellow"), clean(comparison.note))
    if noise := describe_noise(run):
        yield Text(noise, style="dim")
    if comparison.repeats is not None:
        yield render_repeats(comparison.repeats)
    if comparison.self_check is not None:
        yield render_self_check(comparison.self_check)
        if effects := describe_effects(comparison.self_check):
            yield Text(effects, style="dim")
        if said := run.started.environment.get("self_test"):
            yield Text(f"self-test on this machine: {clean(said)}", style="dim")


def render_repeats(repeats: Repeats) -> Text:
    """Say how many cells were run again because others had the CPU, and warn if that met some more than others."""
    counts = ", ".join(
        f"{clean(arm)} {number} of {repeats.cells[arm]}" for arm, number in repeats.repeated.items() if number
    )
    said = f"run again, because others had the CPU: {counts}"
    if not repeats.unequal:
        return Text(said, style="dim")
    unequal = ", ".join(map(clean, repeats.unequal))
    return Text(f"{said}; not equally often ({unequal}): a difference in speed may come of that", "bold yellow")


def describe_effects(check: SelfCheck) -> str:
    """Say how much slower cells were for their place in the order, where they were; rounds balance it."""
    effects = [
        f"{effect.name} {format_factor(effect.ratio)} "
        f"[{format_factor(effect.low, '')}, {format_factor(effect.high, '')}]"
        for effect in check.effects
        if not effect.low <= 1 <= effect.high
    ]
    return f"slower, for all alike: {', '.join(effects)}" if effects else ""


def render_self_check(check: SelfCheck) -> Text:
    """Say whether identical code was called different, and what follows if it was."""
    reference, rows = clean(check.reference), format_count(len(check.checked), "row")
    if not check.checked:
        return Text(f"self-check: none, {reference} against itself needs 8 rounds", style="dim")
    missed = ", ".join(clean(row) for row in check.missed)
    if check.failed:
        return Text(
            f"self-check failed: {reference} differs from itself in {len(check.missed)} of {rows}, so no verdict on "
            f"speed is given: {missed}",
            style="bold red",
        )
    held = len(check.checked) - len(check.missed)
    but = f"; not in {missed}, as chance may have it" if missed else ""
    return Text(f"self-check: {reference} is like itself in {held} of {rows} (99 %){but}", style="dim")


def describe_machine(run: Run) -> str:
    """Return the library in question, Python's version, the runtime that an option chose, and the machine."""
    facts = [*_subjects_of(run), _python_of(run), *_chosen_schedulers(run)]
    facts += [_fact_text(key, run.started.environment[key]) for key in _FACTS if key in run.started.environment]
    return " · ".join(dict.fromkeys(fact for fact in facts if fact))


def describe_noise(run: Run) -> str:
    """Return how quiet the machine was before the run, where that was looked at."""
    noise = run.started.environment.get("noise")
    return f"before the run this machine was {clean(noise)}" if isinstance(noise, str) else ""


def describe_limits(run: Run) -> str:
    """Return what cells were held to and by which means, where the user set any limit."""
    limits = run.started.environment.get("limits")
    if not run.started.request.limits or not isinstance(limits, dict):
        return ""
    return f"limits: {'; '.join(f'{clean(name)} {clean(said)}' for name, said in limits.items())}"


def describe_extent(run: Run, comparison: Comparison) -> str:
    """Say how much was run, and how."""
    rounds = _rounds_of(run)
    cells = sum(sum(cell.outcomes.values()) for row in comparison.rows for cell in row.cells)
    backends = format_count(len(comparison.labels), "backend")
    size = f"{backends} in {format_count(len(comparison.rows), 'row')}, {format_count(cells, 'cell')}, {rounds}"
    seed = f", seed {run.started.plan.seed}" if run.started.plan.seed else ""
    preset = f", preset {clean(run.started.request.preset)}" if run.started.request.preset else ""
    perturb = "".join(f", perturbed by {clean(text)}" for text in run.started.request.perturb)
    request = run.started.request
    started = f", started by {clean(request.executor)}" if request.executor != LOCAL.name else ""
    return f"{size}{preset}{seed}{perturb}{started}"


def _rounds_of(run: Run) -> str:
    """Return how many rounds rows have; with a budget some have more than others."""
    by_row: dict[RowId, int] = {}
    for record in run.records:
        by_row[record.cell.row] = max(by_row.get(record.cell.row, 0), record.cell.round)
    least, most = min(by_row.values(), default=0), max(by_row.values(), default=0)
    return format_count(most, "round") if least == most else f"{least} to {most} rounds"


def _subjects_of(run: Run) -> Iterator[str]:
    """Yield the libraries that the scenarios are about, with the versions that the workers verified."""
    for subject in dict.fromkeys(card.subject for card in run.started.scenarios if card.subject):
        attested = [role.attestation for record in run.records for role in record.result.roles]
        versions = {known.versions[subject] for known in attested if known and subject in known.versions}
        yield clean(f"about {subject} {', '.join(sorted(versions))}".rstrip())


def _python_of(run: Run) -> str:
    """Return the attestation of the workers; the environment's facts if there is none."""
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


def _chosen_schedulers(run: Run) -> Iterator[str]:
    """Yield what really ran where an option names a factory (`module:name`) that made something of another module."""
    found: dict[str, set[str]] = {}
    for record in run.records:
        backends = {assigned.role: assigned.backend for assigned in record.cell.roles}
        for role in record.result.roles:
            spec = backends.get(role.role)
            factories = [value for _, value in spec.options if ":" in value] if spec else []
            scheduler = role.attestation.scheduler if role.attestation else ""
            packages = {value.partition(":")[0].partition(".")[0] for value in factories}
            if scheduler and packages and scheduler.partition(".")[0] not in packages:
                found.setdefault(str(spec), set()).add(scheduler)
    for label, schedulers in found.items():
        yield f"{clean(label)} ran on {clean(', '.join(sorted(schedulers)))}"


def _fact_text(key: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    return clean(f"{value} {key}") if isinstance(value, (int, float)) else shorten(clean(value), _FACT_LENGTH)
