"""`harness resume`: continue a run that did not end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from harness.model import PASSING_FACTS

from .plain import say
from .selection import default_jobs, fresh_option
from .state import State
from .stored import out_option, run_argument

_OTHERS = "environments"
"""Facts that a run stores about the environments that it uses beside this one."""


@click.command()
@run_argument
@out_option
@click.option(
    "--jobs",
    "-j",
    type=click.IntRange(1),
    default=default_jobs,
    metavar="N",
    help="Number of untimed cells to run in parallel.",
)
@fresh_option
@click.option("--quiet", "-q", is_flag=True, help="Hide progress; show only the verdict and the findings.")
@click.option("--verbose", "-v", is_flag=True, help="Also show every observation of every cell.")
@click.pass_obj
def resume(state: State, run_name: str, out: Path, jobs: int, *, fresh: bool, quiet: bool, verbose: bool) -> int:
    """Run the remaining cells of an interrupted run.

    What has its result is not run again. If the environment is another one than the run's, that is said first.

    \b
    Examples:
      harness resume
      harness resume 20261121-0628
    """
    from harness.host.interpreters import describe_others, resolve_environments
    from harness.host.machine import describe_environment
    from harness.journal import RunStore, read_run

    from .running import resume_and_report

    folder = RunStore(out).find(run_name)
    started = read_run(folder).started
    catalogue = resolve_environments(started.request, state.catalogue)[1]
    now = describe_environment(catalogue.distributions) | describe_others(catalogue)
    for change in describe_changes(started.environment, now):
        say(f"harness: the environment has changed since the run began: {change}", err=True)
    return resume_and_report(state, folder, jobs=jobs, fresh=fresh, quiet=quiet, verbose=verbose)


def describe_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield the facts that changed, here and in the other environments; volatile facts are left out."""
    own, today = _flat(before), _flat(now)
    for name in own:
        if name not in (*PASSING_FACTS, _OTHERS) and name in today and own[name] != today[name]:
            yield f"{name} was {own[name]}, is {today[name]}"
    others = now.get(_OTHERS, {})
    for place, facts in before.get(_OTHERS, {}).items():
        was, has = _flat(facts), _flat(others.get(place, {}))
        for name in dict.fromkeys((*was, *has)):
            if was.get(name) != has.get(name):
                yield f"{name} in {place} was {was.get(name, 'absent')}, is {has.get(name, 'absent')}"


def _flat(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of another environment, including the versions of its distributions."""
    versions: dict[str, Any] = facts.get("versions", {})
    return {name: fact for name, fact in facts.items() if name != "versions"} | versions
