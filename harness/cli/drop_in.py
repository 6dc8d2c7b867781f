"""`harness drop-in`: does an event loop, or any backend, replace another one?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from harness.api import Backend, Scenario
from harness.model import BackendSpec, Candidate, CheckResult, Request, UsageError
from harness.plan import parse_spec, select_scenarios

from .exits import Exit
from .option_sections import SectionedCommand
from .plain import say
from .selection import fresh_option, jobs_option, scenario_option
from .state import State
from .stored import out_option

_PRESET = "default"


@click.command(name="drop-in", cls=SectionedCommand)
@click.argument("candidate", metavar="MODULE[:FACTORY]")
@click.option("--like", metavar="SPEC", help="Backend to replace; the argument is then a backend spec.")
@scenario_option
@click.option("--json", "json_file", metavar="FILE", help="Also write the report as JSON; - for stdout.")
@click.option("--markdown", type=click.Path(dir_okay=False, path_type=Path), help="Write a table for a README.")
@click.option("--badge", type=click.Path(dir_okay=False, path_type=Path), help="Write an SVG badge for a README.")
@out_option
@jobs_option
@fresh_option
@click.option("--quiet", "-q", is_flag=True, help="No progress.")
@click.pass_obj
def drop_in(
    state: State,
    candidate: str,
    like: str | None,
    scenarios: tuple[str, ...],
    json_file: str | None,
    markdown: Path | None,
    badge: Path | None,
    out: Path,
    jobs: int,
    *,
    fresh: bool,
    quiet: bool,
) -> int:
    """Check whether an event loop is a drop-in replacement.

    First the capabilities of the loop are checked, which takes about two seconds. Then every question about behaviour
    is asked of both, with each idiom that matters to it, and what differs is asked again. Differences that the
    contract leaves open count too. Exit code 0: a drop-in; 1: not.

    \b
    Examples:
      harness drop-in rloop
      harness drop-in mypackage.loop:Loop --badge drop-in.svg --markdown drop-in.md
      harness drop-in trio --like asyncio --scenario 'cancel.*'
    """
    from harness.execute.capability_check import check_capabilities  # it loads every stage; other commands need none

    from .running import check_target, report_outcome, run_request, write_reports

    spec, baseline, backend = find_candidate(candidate, like, state)
    check_target(json_file)
    state.warn_about_broken_plugins()
    checks = check_capabilities(backend, dict(spec.options)) if backend.capability_checks else ()
    if stop := next((check for check in checks if check.gap and check.is_essential), None):
        return _refuse(str(spec), str(baseline), stop, backend)
    request = Request(
        backends=(str(baseline), str(spec)),
        scenarios=tuple(list_behaviours(scenarios, state)),
        preset=_PRESET,
        baseline=str(baseline),
        candidate=Candidate(backend=str(spec), baseline=str(baseline), checks=checks),
    )
    outcome = run_request(state, request, out, jobs, fresh=fresh, quiet=quiet or json_file == "-")
    write_reports(state, outcome, {"drop-in-markdown": markdown, "drop-in-badge": badge})
    return report_outcome(state, outcome, "drop-in", json_file)


def find_candidate(text: str, like: str | None, state: State) -> tuple[BackendSpec, BackendSpec, Backend]:
    """Return the spec of a candidate, that of the backend that it shall replace, and the candidate's backend.

    Raises:
        UsageError: no backend takes a module in its place, or the candidate is the baseline.
    """
    catalogue = state.catalogue
    if like is not None:
        spec, baseline = parse_spec(text, catalogue), parse_spec(like, catalogue)
    else:
        spec, baseline = _with_base(text, state)
    if spec == baseline:
        raise UsageError(f"cannot compare {spec} with itself")
    return spec, baseline, catalogue.backend_of(spec)


def _with_base(text: str, state: State) -> tuple[BackendSpec, BackendSpec]:
    catalogue = state.catalogue
    own = catalogue.backends.get(text.partition(":")[0])
    if own is not None and own.derives_from:
        return parse_spec(text, catalogue), parse_spec(own.derives_from, catalogue)
    host = next((backend for backend in catalogue.backends.values() if backend.stand_in), None)
    if host is None:
        raise UsageError("no installed backend takes another scheduler in its place; name the baseline with --like")
    if own is not None:
        raise UsageError(f"backend {own.name!r} is derived from no other; name its baseline with --like SPEC")
    return parse_spec(f"{host.name}:{host.stand_in}={text}", catalogue), parse_spec(host.name, catalogue)


def list_behaviours(chosen: Iterable[str], state: State) -> Iterator[str]:
    """Yield the names of the scenarios that ask for a behaviour and not for a figure.

    Raises:
        NothingSelectedError: none is selected.
    """
    for scenario in select_scenarios(tuple(chosen), state.catalogue):
        if chosen or not _is_measured(scenario):
            yield scenario.name


def _is_measured(scenario: Scenario) -> bool:
    judge = scenario.judges.get(scenario.headline)
    return judge is not None and judge.is_measured


def _refuse(candidate: str, baseline: str, check: CheckResult, backend: Backend) -> int:
    from harness.execute.capability_check import LOADING

    if check.name == LOADING:
        hint = f" ({backend.install_hint})" if backend.install_hint else ""
        say(f"harness: nothing ran: {candidate}: {check.gap}{hint}", err=True)
        return Exit.NOTHING_SELECTED
    say(f"not a drop-in: {candidate} has no {check.name} ({check.gap}); nothing else of {baseline} was compared")
    return Exit.FINDINGS
