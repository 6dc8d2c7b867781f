"""`harness plugin`: write a plugin, and check one."""

from __future__ import annotations

import click

from . import plugin_check, plugin_new
from .state import help_if_alone


@click.group(invoke_without_command=True)
@click.pass_context
def plugin(context: click.Context) -> None:
    """Create a plugin, or check a backend.

    \b
    Examples:
      harness plugin new mylib --kind backend
      harness plugin check mylib
    """
    help_if_alone(context)


for _command in (plugin_new.new, plugin_check.check):
    plugin.add_command(_command)
