"""Distributions that `harness plugin new` writes, put on the path without an installer."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest


class Written:
    """A distribution as it was written, and how to call programs that see it."""

    def __init__(self, root: Path, kind: str, name: str, *options: str) -> None:
        self.name = name
        self.home = root
        done = self.harness("plugin", "new", name, "--kind", kind, "--out", str(root), *options)
        assert done.returncode == 0, done.stderr
        self.folder = root / f"harness-{name}"
        self.said = done.stdout
        self.project = tomllib.loads((self.folder / "pyproject.toml").read_text())
        self._describe()

    def _describe(self) -> None:
        # What an installer writes from pyproject.toml.
        project = self.project["project"]
        facts = self.folder / "src" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        )
        groups = project["entry-points"].items()
        lines = [line for group, points in groups for line in (f"[{group}]", *map(" = ".join, points.items()))]
        (facts / "entry_points.txt").write_text("\n".join(lines) + "\n")

    def harness(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Call the program."""
        return self.call("-P", "-m", "harness.cli", *arguments, cwd=self.home)

    def pytest(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run its own tests."""
        return self.call("-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, cwd=self.folder)

    def call(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Call Python, with the distribution on its path."""
        found = {} if not hasattr(self, "folder") else {"PYTHONPATH": str(self.folder / "src")}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd,
            env=os.environ | found | {"NO_COLOR": "1", "COLUMNS": "120"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@pytest.fixture(scope="session")
def write(tmp_path_factory):
    """Return a function that writes a distribution of a kind, each once."""
    made: dict[str, Written] = {}

    def make(kind: str, style: str = "") -> Written:
        name = f"my-{style or kind}"
        if name not in made:
            options = ("--style", style) if style else ()
            made[name] = Written(tmp_path_factory.mktemp(name), kind, name, *options)
        return made[name]

    return make
