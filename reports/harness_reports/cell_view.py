"""Everything that is known of each cell: the view of `harness run` and of `harness show RUN CELL`."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from harness.api import Judge
from harness.model import (
    LOCAL,
    SYMBOLS,
    CellRecord,
    CellSummary,
    Comparison,
    Observed,
    Outcome,
    RenderOptions,
    RoleResult,
    Run,
    ScenarioCard,
    Step,
    Unhandled,
    format_value,
)

from .console import make_fields, make_lines, print_to_text
from .counts import describe_counts
from .figures import format_figure
from .finding_groups import group_unexpected
from .finding_view import evidence_path, render_block, render_expected
from .header import render_self_check
from .ratio_lines import render_ratios
from .resource_lines import describe_attempts, describe_resources, describe_starts
from .safe_text import clean, clean_lines
from .squares import FINE, style_of, symbol_of, value_text
from .summary_screen import render_verdict
from .sweep_table import render_sweeps
from .value_table import is_table, make_value_table

Fields = list[tuple[str, RenderableType]]

_TRACEBACK_LINES = 12
_STACK_LINES = 30
_MOST_BLOCKS = 100
_MOST_VALUES = 100
_MOST_ACTORS = 100
_MOST_STEPS = 500
_MOST_TABLE_LINES = 20


def render_details(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    """Return each cell of a run in full, then the verdict and the findings; the caller narrows the run down."""
    return print_to_text(_parts(run, comparison, options), options)


def _parts(run: Run, comparison: Comparison, options: RenderOptions) -> Iterator[RenderableType]:
    cards = {card.name: card for card in run.started.scenarios}
    squares = {(row.row, cell.label): cell for row in comparison.rows for cell in row.cells}
    for record in run.records:
        square = squares.get((record.cell.row, record.cell.label))
        yield _title_of(record, square)
        card = cards.get(record.cell.scenario)
        yield make_fields(_fields_of(record, card, square, options))
        yield from _render_tables(record, card.judges if card else {})
        yield Text()
    yield from render_sweeps(comparison)
    yield from render_ratios(run, comparison)
    if comparison.self_check is not None:
        yield render_self_check(comparison.self_check)
    yield from render_expected(comparison.findings, options)
    groups = group_unexpected(comparison)
    for group in groups[:_MOST_BLOCKS]:
        yield from render_block(group.findings, group.title, options, group.dependent)
    if len(groups) > _MOST_BLOCKS:
        yield Text(f"\nand {len(groups) - _MOST_BLOCKS:,} more (all: --format json)", style="bold")
    yield Text()
    yield render_verdict(comparison)


def _title_of(record: CellRecord, square: CellSummary | None) -> Text:
    symbol, meaning = SYMBOLS[record.result.outcome], ""
    if square is not None and record.result.outcome is Outcome.COMPLETED is square.outcome:
        symbol, meaning = symbol_of(square)
    name = f"{clean(record.cell.scenario)} on {clean(record.cell.label)}"
    suffix = " again" if record.cell.alias else ""
    suffix += f", round {record.cell.round}" if record.cell.round != 1 else ""
    said = f"  {meaning}" if meaning and (symbol != FINE or (square and square.planted)) else ""
    return Text.assemble((symbol, f"bold {style_of(symbol)}"), f" {name}{suffix}", (said, style_of(symbol)))


def _fields_of(
    record: CellRecord, card: ScenarioCard | None, square: CellSummary | None, options: RenderOptions
) -> Fields:
    fields = facts_of(record, card, square)
    if options.verbosity > 0:
        fields += make_lines("work", _work_lines(record))
        fields += make_lines("resources", describe_resources(record.result))
    for role in record.result.roles:
        fields += _role_fields(role, is_only=len(record.result.roles) == 1)
    evidence = evidence_path(record.result.evidence, options)
    return fields + make_lines("evidence", [clean(evidence)] if evidence else [])


def facts_of(record: CellRecord, card: ScenarioCard | None, square: CellSummary | None) -> Fields:
    """Return the description of a cell, its runtime and its observations."""
    fields = make_lines("outcome", [_outcome_text(record)])
    fields += make_lines(
        "tried before",
        [f"{attempt.outcome}: {clean(attempt.reason)}" for attempt in record.result.retried],
    )
    fields += make_lines("starts", list(describe_starts(record.result)))
    fields += make_lines("disturbed", describe_attempts(record.result))
    fields += make_lines("parameters", [_parameters_text(record)])
    fields += make_lines("ran on", list(dict.fromkeys(filter(None, map(_attestation_text, record.result.roles)))))
    judges = card.judges if card else {}
    fields += _figure_fields(record, judges, square)
    fields += make_lines("counts", [clean(line) for line in describe_counts(record, card.conserved)] if card else [])
    fields += _value_fields(record, judges, _counted_keys(card))
    return fields + make_lines("steps", _step_lines(record))


def _outcome_text(record: CellRecord) -> str:
    reason = f": {clean(record.result.reason)}" if record.result.reason else ""
    seconds = f" after {format_figure(record.result.seconds, 's')}" if record.result.seconds else ""
    flaky = " (flaky)" if record.result.is_flaky else ""
    return f"{record.result.outcome}{flaky}{seconds}{reason}"


def _parameters_text(record: CellRecord) -> str:
    named = ", ".join(f"{clean(name)}={clean(format_value(value))}" for name, value in record.cell.parameters)
    started = f"; started by {clean(record.cell.executor)}" if record.cell.executor != LOCAL.name else ""
    return f"{named or 'defaults'}; seed {record.cell.seed}{started}"


def _work_lines(record: CellRecord) -> list[str]:
    if record.cell.work is None:
        return []
    name, amount = record.cell.work
    return [f"{clean(name)}={amount} for each value, whatever the row says"]


def _attestation_text(role: RoleResult) -> str:
    attestation = role.attestation
    if attestation is None:
        return ""
    facts = [
        attestation.scheduler,
        f"{attestation.implementation} {attestation.python}{'' if attestation.gil else ' without GIL'}",
        *(f"{name} {version}" for name, version in attestation.versions.items()),
        "" if attestation.holds else f"not the requested one: {attestation.expected}",
    ]
    return ", ".join(clean(fact) for fact in facts if fact)


# --- observations ---


def samples_of(record: CellRecord) -> dict[str, list[Any]]:
    """Return every value of each observed key."""
    samples: dict[str, list[Any]] = {}
    for fact in record.observations:
        if isinstance(fact, Observed):
            samples.setdefault(fact.key, []).append(fact.value)
    return samples


def _figure_fields(record: CellRecord, judges: dict[str, Judge], square: CellSummary | None) -> Fields:
    samples = samples_of(record)
    figures: list[tuple[str, str]] = []
    for key, judge in judges.items():
        if judge.unit and (numbers := _numbers(samples.get(key, ()))):
            figures.append((clean(key), _figures_text(numbers, clean(judge.unit))))
    widest = max((len(key) for key, _ in figures), default=0)
    lines = [f"{key:<{widest}}  {figure}" for key, figure in figures]
    if square is not None and square.reason and record.result.outcome is Outcome.COMPLETED:
        lines.append(f"{_what_is_missing(lines, square)}: {clean(square.reason)}")
    return make_lines("figures", lines)


def _what_is_missing(lines: Sequence[str], square: CellSummary) -> str:
    if not lines:
        return "none"
    return "no headline" if square.metrics else "none of them counts"


def _numbers(values: Sequence[Any]) -> list[float]:
    return [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]


def _figures_text(numbers: Sequence[float], unit: str) -> str:
    middle = format_figure(statistics.median(numbers), unit)
    if len(numbers) == 1:
        return middle
    low, high = format_figure(min(numbers), unit), format_figure(max(numbers), unit)
    return f"{middle} (median of {len(numbers)}, {low} … {high})"


def _counted_keys(card: ScenarioCard | None) -> frozenset[str]:
    sums = card.conserved if card else {}
    return frozenset(key for total, parts in sums.items() for key in (total, *parts))


def _value_fields(record: CellRecord, judges: dict[str, Judge], shown: frozenset[str]) -> Fields:
    lines = []
    for key, values in samples_of(record).items():
        judge = judges.get(key)
        if key in shown or all(map(is_table, values)):
            continue
        if judge is not None and judge.unit and len(_numbers(values)) == len(values):
            continue
        if len(values) == 1 and isinstance(values[0], str) and "\n" in values[0]:
            lines += [f"{clean(key)}:", *(f"  {clean(line)}" for line in values[0].splitlines())]
            continue
        texts = Counter(map(value_text, values))
        counted = [f"{text} ({count} of {len(values)})" for text, count in islice(texts.items(), _MOST_VALUES)]
        more = [f"and {len(texts) - _MOST_VALUES:,} more values"] if len(texts) > _MOST_VALUES else []
        lines.append(f"{clean(key)}: {next(iter(texts)) if len(values) == 1 else ', '.join(counted + more)}")
    return make_lines("observed", lines)


def _render_tables(record: CellRecord, judges: dict[str, Judge]) -> Iterator[RenderableType]:
    for key, values in samples_of(record).items():
        if all(map(is_table, values)):
            for value in values:
                yield Text(f"  {clean(key)}", style="dim")
                yield Padding(make_value_table(value[:_MOST_TABLE_LINES], judges), (0, 0, 0, 4))
                if len(value) > _MOST_TABLE_LINES:
                    yield Text(
                        f"    … and {len(value) - _MOST_TABLE_LINES} more lines (all: --format csv)", style="dim"
                    )


def _step_lines(record: CellRecord) -> list[str]:
    by_actor: dict[tuple[str, str], list[str]] = {}
    for fact in record.observations:
        if isinstance(fact, Step):
            by_actor.setdefault((fact.role, fact.actor), []).append(clean(fact.what))
    several_roles = len({role for role, _ in by_actor}) > 1
    lines = [
        f"{clean(f'{role}/{actor}' if several_roles else actor)}: {_path(steps)}"
        for (role, actor), steps in islice(by_actor.items(), _MOST_ACTORS)
    ]
    more = len(by_actor) - _MOST_ACTORS
    return lines if more <= 0 else [*lines, f"and {more:,} more actors"]


def _path(steps: Sequence[str]) -> str:
    more = len(steps) - _MOST_STEPS
    return " → ".join(steps) if more <= 0 else f"({more:,} steps) → {' → '.join(steps[-_MOST_STEPS:])}"


# --- what went wrong ---


def _role_fields(role: RoleResult, *, is_only: bool) -> Fields:
    prefix = "" if is_only else f"{clean(role.role)}: "
    fields = [] if is_only else make_lines("role", [_role_text(role)])
    fields += make_lines("error", error_lines(role, _TRACEBACK_LINES))
    fields += make_lines("unhandled", [f"{prefix}{line}" for line in unhandled_lines(role)])
    if role.autopsy is not None:
        fields += make_lines("waits", [f"{prefix}{clean(line)}" for line in role.autopsy.waits])
        fields += make_lines("last seen", [f"{prefix}{clean(str(seen))}" for seen in role.autopsy.last_seen])
    fields += make_lines("stalled", [f"{prefix}{line}" for line in stall_lines(role)])
    fields += make_lines("stacks", clean_lines(role.stacks)[:_STACK_LINES])
    return fields + make_lines("left behind", [f"{prefix}{line}" for line in left_lines(role)])


def stall_lines(role: RoleResult) -> list[str]:
    """Return which calls held its scheduler, and who called them."""
    return [
        line
        for stall in role.stalls
        for line in (clean(stall), *(f"  called by {clean(frame)}" for frame in stall.frames[1:]))
    ]


def _role_text(role: RoleResult) -> str:
    reason = f": {clean(role.reason)}" if role.reason else ""
    return f"{clean(role.role)} on {clean(role.backend)}: {role.outcome}{reason}"


def error_lines(role: RoleResult, traceback_lines: int = 0) -> list[str]:
    """Return the leaves of a role's exception and its traceback, of which the last so many lines; 0 is all of it."""
    if role.error is None:
        return []
    leaves = [line for leaf in role.error.leaves for line in clean_lines(leaf)]
    traceback = clean_lines(role.error.traceback)[-traceback_lines:]
    return leaves + (traceback or [f"{clean(role.error.type)}: {clean(role.error.message)}"])


def left_lines(role: RoleResult) -> list[str]:
    """Return what outlived a role or its scenario."""
    return [
        *(f"{clean(name)} (ended)" for name in role.escaped),
        *(f"{clean(name)} (could not be ended)" for name in role.survivors),
        *map(clean, role.leaks),
    ]


def unhandled_lines(role: RoleResult) -> list[str]:
    """Return a line for each unhandled exception that was kept, and how many there were beside them."""
    lines = [_unhandled_text(entry) for entry in role.unhandled]
    return [*lines, f"and {role.unhandled_more} more"] if role.unhandled_more else lines


def _unhandled_text(entry: Unhandled) -> str:
    """Return an unhandled exception on one line."""
    if entry.error is None:
        return clean(entry.context)
    return f"{clean(entry.error.type)}: {clean(entry.error.message)} ({clean(entry.context)})"
