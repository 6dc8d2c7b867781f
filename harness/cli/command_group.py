"""A group of commands whose modules are imported when they are called, so that the program starts quickly."""

from __future__ import annotations

import importlib

import click


class CommandGroup(click.Group):
    """Takes commands as `"module:attribute"` beside those that are there."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._references: dict[str, str] = {}
        self.sections: dict[str, tuple[str, ...]] = {}
        """Names of the commands in each section of the help, in order."""

    def add_reference(self, name: str, reference: str) -> None:
        """Add a command that is imported when it is called, or when the help of this group shows its summary."""
        self._references[name] = reference

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command; it replaces one of that name."""
        self._references.pop(name or cmd.name or "", None)
        super().add_command(cmd, name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, imported or not."""
        return sorted({*super().list_commands(ctx), *self._references})

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section; those of no section stand at the end."""
        found = {
            name: command
            for name in self.list_commands(ctx)
            if (command := self.get_command(ctx, name)) is not None and not command.hidden
        }
        listed = {name for names in self.sections.values() for name in names}
        rest = tuple(name for name in found if name not in listed)
        width = max((len(name) for name in found), default=0)
        limit = formatter.width - 6 - width
        for title, names in {**self.sections, "Other commands" if self.sections else "Commands": rest}.items():
            lines = [(name, found[name].get_short_help_str(limit)) for name in names if name in found]
            if lines:
                with formatter.section(title):
                    formatter.write_dl([(name.ljust(width), text) for name, text in lines])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by name, and import it if need be."""
        if cmd_name in self._references:
            module, _, attribute = self._references[cmd_name].partition(":")
            self.add_command(getattr(importlib.import_module(module), attribute), cmd_name)
        return super().get_command(ctx, cmd_name)
