"""Write a complete distribution for a plugin: it installs, passes its own tests and is listed, as it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from harness.model import UsageError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

KINDS = ("backend", "scenario", "renderer", "executor", "perturbation")
"""The kinds of plugin, and the names of the templates."""
STYLES = ("async", "thread", "greenlet")
"""What tasks of a backend are; those that block have templates of their own, over those of coroutines."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_PREFIX = "harness-"
_SUFFIX = ".template"


class Skeleton:
    """A distribution that is not written yet.

    Raises:
        UsageError: the name cannot be one of a distribution.
    """

    def __init__(self, kind: str, name: str, style: str = STYLES[0]) -> None:
        self.kind = kind
        self.style = style
        self.name: str = name.removeprefix(_PREFIX)
        if not _NAME.fullmatch(self.name):
            raise UsageError(
                f"a plugin cannot be named {name!r}: it takes lower-case letters, digits and single dashes"
            )
        self.distribution: str = f"{_PREFIX}{self.name}"
        self.package: str = self.distribution.replace("-", "_")

    def write(self, folder: Path) -> Path:
        """Write it into a new folder below `folder`, and return that.

        Raises:
            UsageError: there is something already, or it cannot be written.
        """
        target = folder / self.distribution
        if target.exists():
            raise UsageError(f"cannot write {target}: it is there already")
        try:
            for path, text in self.texts():
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                (target / path).write_text(text, encoding="utf-8")
        except OSError as exc:
            raise UsageError(f"cannot write {target}: {exc.strerror}") from exc
        return target

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield the path of each file below the distribution's folder, and its text."""
        from importlib.resources import files  # the command line starts without them
        from string import Template

        words = {
            "name": self.name,
            "distribution": self.distribution,
            "package": self.package,
            "klass": "".join(part.capitalize() for part in self.name.split("-")),
            "unit": self.style,
        }
        layers = (self.kind,) if self.style == STYLES[0] else (self.kind, f"{self.kind}-blocking")
        templates: dict[str, str] = {}
        for layer in layers:
            templates.update(_walk(files(__package__) / "templates" / layer, ""))
        for path, template in templates.items():
            yield path.replace("PACKAGE", self.package), Template(template).substitute(words)


def _walk(folder: Traversable, path: str) -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _walk(entry, f"{path}{entry.name}/")
        elif entry.name.endswith(_SUFFIX):
            yield f"{path}{entry.name.removesuffix(_SUFFIX)}", entry.read_text(encoding="utf-8")
