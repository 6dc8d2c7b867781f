"""What to type instead, for mistakes of a command line that are made often."""

from __future__ import annotations

import re

import click


def suggest_words(exc: click.ClickException) -> str:
    """Return what to type instead, to be put behind the message; nothing if that is not known."""
    context = getattr(exc, "ctx", None)
    if not isinstance(context, click.Context):
        return ""
    if isinstance(exc, click.NoSuchOption) and context.parent is not None:
        own = {name for parameter in context.find_root().command.params for name in parameter.opts}
        if exc.option_name in own:
            command = context.command_path.partition(" ")[2]
            return f"; it stands before the command: harness {exc.option_name} ... {command}"
    found = re.search(r"unexpected extra arguments? \((.*?)\)", exc.format_message())
    if found and any(parameter.name == "scenarios" for parameter in context.command.params):
        options = " ".join(f"--scenario {word}" for word in found[1].split())
        return f"; to select scenarios: {context.command_path} {options}"
    return ""
