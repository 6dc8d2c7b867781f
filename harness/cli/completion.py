"""`harness completion`: the script that makes the shell complete."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    Examples:
      harness completion bash > ~/.local/share/bash-completion/completions/harness
      eval "$(harness completion zsh)"
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(context.find_root().command, {}, "harness", "_HARNESS_COMPLETE").source())
