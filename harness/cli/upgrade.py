"""`harness upgrade`: what changes from one environment to another, and because of what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from harness.model import Request, UsageError

from .comparing import compare_columns, gate_options, report_changes
from .plain import say
from .selection import build_request, jobs_option, preset_option, selection_options
from .state import State
from .stored import out_option

if TYPE_CHECKING:
    from harness.plugins import Catalogue


@click.command()
@selection_options
@preset_option("default")
@gate_options
@out_option
@jobs_option
@click.option("--quiet", "-q", is_flag=True, help="No progress.")
@click.pass_obj
def upgrade(
    state: State,
    /,
    backends: tuple[str, ...],
    out: Path,
    jobs: int,
    fail_on: tuple[str, ...],
    format_name: str,
    output: Path | None,
    *,
    verbose: bool,
    quiet: bool,
    **chosen: Any,
) -> int:
    """Say what an upgrade changes, and because of what.

    The first --backend is the old column, the second one is the new column. If their Python and their runtime both
    differ, the two combinations between them are made with `harness env` where they can be had, and run too: a change
    is charged to what brings it alone. Exit code 1 if something is worse.

    \b
    Examples:
      harness upgrade -b uvloop@old -b uvloop@new --env old=.venv311 --env new=.venv313
      harness upgrade -b trio -b trio@next --env next=.venv-next -s 'timeout.*' --format markdown
    """
    from harness.compare import compare_runs

    from .running import run_request

    if len(backends) != 2:
        raise UsageError(f"an upgrade has two columns, the old and the new one; --backend names {len(backends)}")
    request = build_request(backends=backends, **chosen)
    columns, between = _list_columns(request, state.catalogue)
    request = build_request(backends=(columns[0], *between, columns[1]), **chosen)
    outcome = run_request(state, request, out, jobs, fresh=False, quiet=quiet)
    changes = compare_columns(outcome.run, columns, compare_runs)
    return report_changes(changes, fail_on=fail_on, format_name=format_name, output=output, verbose=verbose)


def _list_columns(request: Request, catalogue: Catalogue) -> tuple[tuple[str, str], tuple[str, ...]]:
    """Return old and new column, and those between them."""
    from harness.host.crossings import describe_here, make_crossings
    from harness.host.interpreters import resolve_environments
    from harness.plan import parse_spec

    _, known = resolve_environments(request, catalogue)
    old, new = (parse_spec(text, known) for text in request.backends)
    if old.name != new.name:
        raise UsageError(f"{old} and {new} are two backends; an upgrade is one backend in two environments")
    distribution = next(iter(catalogue.backends[old.name].distributions), "")
    sides = [known.environments.get(spec.place) or describe_here(distribution) for spec in (old, new)]
    crossings = make_crossings((sides[0], sides[1]), distribution, lambda step: say(f"harness: {step}", err=True))
    return (str(old), str(new)), tuple(str(replace(new, environment=place, version="")) for place in crossings)
