"""`harness explain`: a scenario, its contract, the answers of each runtime, and its code."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from harness.api import Outcomes, Scenario
from harness.journal import RunStore, read_run
from harness.model import CellSummary, Comparison, JournalError, RowSummary, format_value
from harness.plan import select_scenarios

from .plain import say
from .selection import complete_scenario
from .state import State
from .stored import out_option

_MOST_LINES = 60


@click.command()
@click.argument("name", shell_complete=complete_scenario)
@click.option("--run", "run_name", default="latest", show_default=True, metavar="RUN", help="Run to take answers from.")
@click.option("--no-code", is_flag=True, help="Leave out the code.")
@out_option
@click.pass_obj
def explain(state: State, name: str, run_name: str, out: Path, *, no_code: bool) -> None:
    """Explain a scenario: question, contract, answers and code.

    The answers are those of a stored run. NAME may be a glob that means one scenario.

    \b
    Examples:
      harness explain cancel.shielded-call
      harness explain storm --no-code
    """
    scenario, *others = select_scenarios((name,), state.catalogue)
    if others:
        say(f"{name} means {len(others) + 1} scenarios: {', '.join(each.name for each in (scenario, *others))}")
        return
    for line in _describe(scenario):
        say(line)
    for line in _answers(scenario.name, RunStore(out), run_name):
        say(line)
    for line in (*_code(scenario, whole=not no_code), *_next_steps(scenario)):
        say(line)


def _describe(scenario: Scenario) -> Iterator[str]:
    yield f"{scenario.name}: {scenario.question}"
    yield ""
    yield "contract"
    yield from (f"  {sentence}" for sentence in scenario.contract)
    if named := scenario.runs_on or tuple(scenario.native):
        yield f"  runs on {', '.join(named)}"
    if scenario.subject:
        yield f"  about the library {scenario.subject}"
    if scenario.requires:
        yield f"  requires {', '.join(capability.value for capability in scenario.requires)}"
    for key, judge in scenario.judges.items():
        if isinstance(judge, Outcomes):
            yield ""
            yield f"answers ({key})"
            for value, graded in judge.grades.items():
                why = f": {graded.reason}" if graded.reason else ""
                reference = f" ({graded.reference})" if graded.reference else ""
                harm = f" [{graded.harm}]" if graded.harm else ""
                yield f"  {graded.grade.value:11} {value}{harm}{why}{reference}"
    if scenario.parameters:
        yield ""
        yield "parameters"
        for parameter in scenario.parameters:
            unit = f" {parameter.unit}" if parameter.unit else ""
            yield f"  {parameter.name}={format_value(parameter.default)}{unit}: {parameter.summary}"


def _answers(name: str, store: RunStore, run_name: str) -> Iterator[str]:
    """Yield what each backend answered in a stored run."""
    from harness.compare import compare

    yield ""
    try:
        folder = store.find(run_name)
    except JournalError:
        yield f"no run is stored; to see answers: harness matrix -s {name}"
        return
    comparison = compare(read_run(folder))
    rows = [row for row in comparison.rows if row.row.scenario == name]
    if not rows:
        yield f"run {folder.name} did not ask it; to see answers: harness matrix -s {name}"
        return
    yield f"in run {folder.name}"
    for row in rows:
        yield f"  {row.row}"
        yield from (f"    {cell.label:12} {_answer_of(cell, row, comparison)}" for cell in row.cells)


def _answer_of(cell: CellSummary, row: RowSummary, comparison: Comparison) -> str:
    answers = " | ".join(cell.frequencies.get(row.headline, {}))
    figure = f"{cell.headline.median:.4g} {cell.headline.unit}" if cell.headline else ""
    known = next(
        (f.known for f in comparison.findings if f.known and f.row == row.row and cell.label in f.backends), ""
    )
    is_bug = any(f.unexpected and f.row == row.row and cell.label in f.backends for f in comparison.findings)
    text = answers or figure or cell.reason or str(cell.outcome)
    return f"{text}{f'  known: {known}' if known else '  BUG' if is_bug else ''}"


def _code(scenario: Scenario, *, whole: bool) -> Iterator[str]:
    """Yield the place of the code, and the code of each role."""
    module, _, attribute = scenario.ref.partition(":")
    yield ""
    yield f"code: {module}, {attribute}"
    if not whole:
        return
    importlib.import_module(module)
    bodies = {**scenario.roles} if not scenario.native else {}
    for backend, reference in scenario.native.items():
        place, _, name = reference.partition(":")
        bodies[backend] = getattr(importlib.import_module(place), name)
    for role, function in bodies.items():
        try:
            lines = inspect.getsource(function).splitlines()
        except (OSError, TypeError):
            continue
        yield f"  {role}:" if len(bodies) > 1 else ""
        yield from (f"    {line}" for line in lines[:_MOST_LINES])
        if len(lines) > _MOST_LINES:
            yield f"    … {len(lines) - _MOST_LINES} more lines"


def _next_steps(scenario: Scenario) -> Iterator[str]:
    from harness.plugins.reproducers import list_scripts  # pluggy is slow to load

    yield ""
    yield f"run it: harness run -s {scenario.name}"
    if names := list_scripts(scenario):
        spec = names[0].partition(".")[0]
        yield f"standalone script ({', '.join(names)}): harness script {scenario.name} -b {spec}"
