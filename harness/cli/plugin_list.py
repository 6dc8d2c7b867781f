"""`harness plugins`: the installed plugins, their contents and errors."""

from __future__ import annotations

import click

from .plain import say
from .state import State


@click.command()
@click.pass_obj
def plugins(state: State) -> None:
    """List installed plugins with their contents and errors.

    \b
    Examples:
      harness plugins
    """
    for plugin in state.catalogue.plugins:
        origin = f"{plugin.distribution} {plugin.version}".strip() or "unknown distribution"
        say(f"{plugin.name:16} {plugin.module} ({origin})")
        for noun, names in (
            ("backends", plugin.backends),
            ("scenarios", plugin.scenarios),
            ("report formats", plugin.renderers),
            ("executors", plugin.executors),
            ("faults", plugin.saboteurs),
            ("perturbations", plugin.perturbations),
        ):
            if names:
                say(f"    {noun}: {', '.join(names)}")
        if plugin.error:
            say(f"    broken: {plugin.error}")
