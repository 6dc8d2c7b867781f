"""What the sub-commands share: plugins, loaded when first needed, and how to print."""

from __future__ import annotations

import os
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.model import RenderOptions

if TYPE_CHECKING:
    from harness.plugins import Catalogue, Plugins

_DEFAULT_WIDTH = 100


class State:
    """The state of one call of the program."""

    def __init__(self, colour: str) -> None:
        self._colour = colour

    @cached_property
    def plugins(self) -> Plugins:
        """The loaded plugins."""
        from harness.plugins import Plugins

        return Plugins()

    @cached_property
    def catalogue(self) -> Catalogue:
        """What the plugins bring."""
        return self.plugins.catalogue()

    @property
    def colour(self) -> bool:
        """Whether stdout gets colour."""
        if self._colour != "auto":
            return self._colour == "always"
        return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def options(self, folder: Path, verbosity: int) -> RenderOptions:
        """Return how to render for this terminal."""
        width = _DEFAULT_WIDTH
        if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit():
            import shutil

            width = shutil.get_terminal_size((_DEFAULT_WIDTH, 24)).columns
        return RenderOptions(width=width, colour=self.colour, verbosity=verbosity, run_path=_short(folder))

    def warn_about_broken_plugins(self) -> None:
        """Say on stderr which plugins are broken; the others work."""
        for plugin in self.catalogue.plugins:
            if plugin.error:
                click.echo(f"harness: plugin {plugin.name!r} is left out: {plugin.error}", err=True)

    @staticmethod
    def extend(group: click.Group) -> None:
        """Let plugins add their own sub-commands, if there is a plugin that is not ours."""
        from importlib.metadata import entry_points

        if any(point.dist is None or point.dist.name != "runtime-harness" for point in entry_points(group="harness")):
            from harness.plugins import Plugins

            Plugins().extend_cli(group)


def _short(folder: Path) -> str:
    try:
        return str(folder.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(folder)
