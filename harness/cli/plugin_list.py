"""`harness plugins`: who brings what, and what is broken."""

from __future__ import annotations

import click

from .state import State


@click.command()
@click.pass_obj
def plugins(state: State) -> None:
    """List the installed plugins, what each brings, and what is wrong with it.

    \b
    Examples:
      harness plugins
    """
    for plugin in state.catalogue.plugins:
        origin = f"{plugin.distribution} {plugin.version}".strip() or "unknown distribution"
        click.echo(f"{plugin.name:16} {plugin.module} ({origin})")
        for noun, names in (
            ("backends", plugin.backends),
            ("scenarios", plugin.scenarios),
            ("report formats", plugin.renderers),
        ):
            if names:
                click.echo(f"    {noun}: {', '.join(names)}")
        if plugin.error:
            click.echo(f"    broken: {plugin.error}")
