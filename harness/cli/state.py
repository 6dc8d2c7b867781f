"""Shared state of the sub-commands: plugins, loaded when first needed, and output settings."""

from __future__ import annotations

import os
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.host.homes import shorten_home
from harness.host.stopwatch import Stopwatch
from harness.model import RenderOptions

from .exits import Exit
from .plain import say

if TYPE_CHECKING:
    from harness.plugins import Catalogue, Plugins

_DEFAULT_WIDTH = 100


class State:
    """The state of one call of the program."""

    def __init__(self, colour: str, plugins: Plugins | None = None) -> None:
        self._colour = colour
        self._loaded = plugins
        self._said: set[tuple[str, str]] = set()
        self.watch = Stopwatch()
        """Started by the user's command."""

    @cached_property
    def plugins(self) -> Plugins:
        """The loaded plugins."""
        from harness.plugins import Plugins

        return self._loaded or Plugins()

    @cached_property
    def catalogue(self) -> Catalogue:
        """Everything that the plugins declare."""
        return self.plugins.catalogue()

    @property
    def colour(self) -> bool:
        """Whether stdout gets colour."""
        if self._colour != "auto":
            return self._colour == "always"
        return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    @property
    def colourless(self) -> bool:
        """Whether the user asked for no colour anywhere."""
        return self._colour == "never"

    def options(self, folder: Path, verbosity: int) -> RenderOptions:
        """Return how to render for this terminal."""
        width = _DEFAULT_WIDTH
        if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit():
            import shutil

            width = shutil.get_terminal_size((_DEFAULT_WIDTH, 24)).columns
        return RenderOptions(width=width, colour=self.colour, verbosity=verbosity, run_path=_short(folder))

    def warn_about_broken_plugins(self) -> None:
        """Say on stderr, once, which plugins are broken; the others work."""
        assert self.catalogue  # collecting it is what finds most of them
        for plugin in self.plugins.reports:
            if plugin.error and (plugin.name, plugin.error) not in self._said:
                self._said.add((plugin.name, plugin.error))
                say(f"harness: plugin {plugin.name!r} is left out: {plugin.error}", err=True)


def help_if_alone(context: click.Context) -> None:
    """Print the help of a group that is called without a command, and exit as for any incomplete request."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
        context.exit(Exit.USAGE)


def _short(folder: Path) -> str:
    try:
        return str(folder.resolve().relative_to(Path.cwd()))
    except ValueError:
        return shorten_home(str(folder))
