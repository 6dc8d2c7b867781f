"""`harness plan`: what would be run."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from harness.execute import may_share
from harness.host.interpreters import resolve_environments
from harness.host.machine import describe_environment
from harness.journal import RunStore
from harness.model import LOCAL, TRIAL_ROUND, Plan
from harness.plan import make_plan
from harness.plugins import Catalogue
from harness.session.costs import GUESS, learn_costs

from .option_sections import SectionedCommand
from .plain import name_some, say
from .selection import build_request, default_jobs, preset_option, selection_options
from .state import State
from .stored import RUNS

_MOST_NAMES = 5


@click.command(name="plan", cls=SectionedCommand)
@selection_options
@preset_option("default")
@click.pass_obj
def plan(state: State, /, **chosen: Any) -> None:
    """Show the cells and the estimated duration of a run.

    \b
    Examples:
      harness plan
      harness plan --scenario channel --param capacity=0,1 --rounds 3
    """
    request = build_request(**chosen)
    request, catalogue = resolve_environments(request, state.catalogue)
    catalogue.require_executor(request.executor)
    made = make_plan(request, catalogue)
    state.warn_about_broken_plugins()
    for line in _table(made):
        say(line)
    for line in (*_variants(made), *_alias(made), *_trial(made)):
        say(line)
    lacking = {(skip.cell.scenario, skip.cell.label): skip.reason for skip in made.skipped}
    for (scenario, label), reason in lacking.items():
        say(f"– {scenario} on {label}: {reason}")
    for name, environment in catalogue.environments.items():
        say(f"env {name}: {environment.text}")
    if request.executor != LOCAL.name:
        say(f"executor {request.executor}: {catalogue.executors[request.executor].summary}")
    say(_sum(made, catalogue, default_jobs()))
    if (budget := request.budget) is not None:
        bound = ", which ends the run" if request.bounded else ""
        say(f"the rest of the budget of {_duration(budget)}{bound}, buys extra rounds, for confidence intervals")


def _table(made: Plan) -> list[str]:
    """Return rows × backends: the number of cells, `–` where the backend lacks a capability.

    Variants have no column: there may be many, and most rows have few of them.
    """
    counts = Counter((str(cell.row), cell.label) for cell in made.cells if not cell.alias and cell.round != TRIAL_ROUND)
    lacking = {(str(skip.cell.row), skip.cell.label) for skip in made.skipped}
    planned = (*made.cells, *(skip.cell for skip in made.skipped))
    rows = sorted({cell.row for cell in planned}, key=lambda row: (made.scenarios.index(row.scenario), str(row)))
    variants = set(map(str, made.variants))
    labels = [label for label in _labels(made) if label not in variants]
    width = max(len(str(row)) for row in rows)
    lines = [" ".join((" " * width, *labels))]
    for row in map(str, rows):
        squares = ("–" if (row, label) in lacking else counts[row, label] for label in labels)
        lines.append(
            " ".join(
                (f"{row:{width}}", *(f"{square:>{len(label)}}" for square, label in zip(squares, labels, strict=True)))
            )
        )
    return lines


def _variants(made: Plan) -> list[str]:
    """Return for each variant the number of cells, and of which scenarios."""
    lines = []
    for spec in made.variants:
        counts = Counter(cell.scenario for cell in made.cells if cell.label == str(spec))
        if counts:
            names = sorted(counts, key=made.scenarios.index)
            lines.append(f"+ {spec}: {_count(counts.total(), 'cell')} of {name_some(names, _MOST_NAMES)}")
    return lines


def _alias(made: Plan) -> list[str]:
    """Return how often the reference is run again, to check ourselves by."""
    labels = Counter(cell.label for cell in made.cells if cell.alias)
    return [f"+ {label} again: {_count(count, 'cell')} of the self-check" for label, count in labels.items()]


def _trial(made: Plan) -> list[str]:
    """Return the number of trial cells, which determine the amount of work of the others."""
    count = sum(cell.round == TRIAL_ROUND for cell in made.cells)
    return [f"+ {_count(count, 'cell')} to determine the amount of work"] if count else []


def _labels(made: Plan) -> list[str]:
    order = {str(spec): position for position, spec in enumerate(made.backends)}
    labels = {cell.label for cell in made.cells} | {skip.cell.label for skip in made.skipped}
    return sorted(labels, key=lambda label: (order.get(label, len(order)), label))


def _sum(made: Plan, catalogue: Catalogue, jobs: int) -> str:
    costs = learn_costs(RunStore(RUNS), describe_environment())
    unknown = sorted({cell.scenario for cell in made.cells} - set(costs.known))
    expected = sum(costs.expect(cell) / (jobs if may_share(cell, catalogue) else 1) for cell in made.cells)
    limit = sum(cell.timeout for cell in made.cells)
    rows, labels = {cell.row for cell in made.cells}, {cell.label for cell in made.cells}
    basis = (
        "as in the last runs"
        if not unknown
        else f"guessing {GUESS:g} s for each cell of {name_some(unknown, _MOST_NAMES)}"
    )
    return (
        f"{len(made.cells)} cells: {_count(len(rows), 'row')} on {_count(len(labels), 'backend')}; "
        f"expected {_duration(expected)} ({basis}), at most {_duration(limit)}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
