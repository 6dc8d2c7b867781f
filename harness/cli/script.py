"""`harness script`: the standalone reproducer of a question."""

from __future__ import annotations

import click

from harness.model import UsageError
from harness.plan import parse_spec

from .state import State


@click.command()
@click.argument("scenario")
@click.option("--backend", "-b", "backend", metavar="SPEC", help="Backend of the script [default: its first].")
@click.pass_obj
def script(state: State, scenario: str, backend: str | None) -> None:
    """Print the standalone reproducer of a scenario.

    The program prints the expected and the seen behaviour and exits with 1 if they differ, otherwise with 0.

    \b
    Examples:
      harness script lock.handover-survives-cancel --backend trio
      harness script stream.reset-while-reading --backend asyncio:loop=rloop > reproducer.py
    """
    from harness.plugins.reproducers import list_scripts, read_script  # pluggy is slow to load

    catalogue = state.catalogue
    found = catalogue.scenario(scenario)
    names = list_scripts(found)
    if not names:
        raise UsageError(f"scenario {scenario!r} brings no standalone script")
    spec = parse_spec(backend or names[0].partition(".")[0], catalogue)
    text = read_script(found, catalogue.backend(spec.name), spec)
    if not text:
        raise UsageError(f"scenario {scenario!r} brings no standalone script for {spec}; it has {', '.join(names)}")
    click.echo(text, nl=False)
