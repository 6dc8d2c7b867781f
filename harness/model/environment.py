"""An environment: another interpreter, with a harness of its own, that a cell's worker runs in."""

from __future__ import annotations

from typing import Any

import msgspec

from harness.api import Backend


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """An interpreter and its self-description. With `error` there is none, and its cells cannot be run."""

    name: str = ""
    """As specs call it: `trio@name`."""
    interpreter: str = ""
    """Path of its Python."""
    python: str = ""
    """Version of that."""
    implementation: str = ""
    """`cpython` or another one."""
    compiler: str = ""
    """That the interpreter was built with."""
    harness: str = ""
    """Version of harness that is installed there."""
    format: int = 0
    """Version of the worker's pipe that it speaks."""
    versions: dict[str, str] = {}
    """Installed versions of the distributions of its backends."""
    backends: dict[str, Backend] = {}
    """Declarations of its plugins: the features of a backend may depend on the version of Python."""
    injected: str = ""
    """Folder of ours with the packages that its workers import, where it has no harness."""
    error: str = ""

    @property
    def text(self) -> str:
        """Description on one line."""
        if self.error:
            return f"cannot be used: {self.error}"
        versions = "".join(f", {name} {version}" for name, version in self.versions.items())
        by_path = " by path" if self.injected else ""
        return f"{self.implementation} {self.python}, harness {self.harness}{by_path}{versions}"

    @property
    def facts(self) -> dict[str, Any]:
        """The part that is stored with a run."""
        names = ("python", "implementation", "compiler", "harness", "format", "versions", "error")
        return {name: value for name in names if (value := getattr(self, name))}
