"""The pages that have commands, followed from an empty folder: each command in order, with what it shows.

A line of a block that is no command must be in the output of the command above it; `[exit N]` is its exit code. A block
of Python replaces the function of that name in the file that its first line names.
"""

import ast
import os
import re
import shlex
import subprocess
import sys
import textwrap
import tomllib
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXIT = re.compile(r"\[exit (\d+)\]")
PLUGIN = "harness.testing.pytest_plugin"


class Reader:
    """Somebody who does what a page says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = ""
        self.done = 0

    def follow(self, page: str) -> None:
        """Go through its blocks."""
        for kind, text in BLOCK.findall(page):
            if kind == "python":
                self.replace(text)
            else:
                for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                    command, *shown = part.splitlines()
                    self.do(shlex.split(command), shown)
                    self.done += 1

    def do(self, words: list[str], shown: list[str]) -> None:
        """Carry out a command, and compare what it shows."""
        if words[0] == "cd":
            self.folder /= words[1]
        elif words[0] == "pip":
            self.install()
        elif words[0] == "sed":
            subprocess.run(words, cwd=self.folder, check=True, timeout=10)
        else:
            words = [found for word in words for found in self.expand(word)]
            codes = [int(code) for line in shown for code in EXIT.findall(line)]
            self.call(words, codes[0] if codes else 0, [line for line in shown if not EXIT.search(line)])

    def expand(self, word: str) -> list[str]:
        """Do what a shell does with a pattern that files match."""
        found = self.folder.glob(word) if "*" in word else ()
        return sorted(str(path.relative_to(self.folder)) for path in found) or [word]

    def install(self) -> None:
        """Put the distribution on the path with what an installer writes from pyproject.toml."""
        project = tomllib.loads((self.folder / "pyproject.toml").read_text())["project"]
        source = self.folder / "src"
        facts = source / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        )
        points = project["entry-points"]["harness"].items()
        (facts / "entry_points.txt").write_text("\n".join(["[harness]", *(f"{k} = {v}" for k, v in points)]) + "\n")
        self.path = str(source)

    def call(self, words: list[str], code: int, shown: list[str]) -> None:
        """Run a program of this environment."""
        module = {"harness": ["harness.cli"], "pytest": ["pytest", "-v", "-p", "no:cacheprovider"]}[words[0]]
        if words[0] == "pytest" and not any(point.value == PLUGIN for point in entry_points(group="pytest11")):
            module += ["-p", PLUGIN]  # the tree was installed before it brought this plugin
        done = subprocess.run(
            [sys.executable, "-P", "-m", *module, *words[1:]],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": self.path, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        assert done.returncode == code, f"{words}\n{done.stdout}{done.stderr}"
        said = simplify(done.stdout)
        assert [line for line in shown if simplify(line) not in said] == [], f"{words}\n{done.stdout}"

    def replace(self, text: str) -> None:
        """Put a function in the place of the one of that name."""
        first, code = text.split("\n", 1)
        file = self.folder / first.removeprefix("# ")
        (new,) = ast.parse(code).body
        lines = file.read_text().splitlines(keepends=True)
        (old,) = (
            node
            for node in ast.walk(ast.parse("".join(lines)))
            if isinstance(node, type(new)) and node.name == new.name
        )
        lines[old.lineno - 1 : old.end_lineno] = textwrap.indent(code, " " * old.col_offset)
        file.write_text("".join(lines))


def simplify(text: str) -> str:
    """Let a page go on being right when the contract has a clause more, and wherever a line is broken.

    How many of them are known to be broken goes by the version of Python.
    """
    return re.sub(r"\d+ of \d+ hold(, [\d.]+%, [1-9]\d* known)?", "N of N hold", " ".join(text.split()))


FOLLOWED = [
    pytest.param("index.md", 2, id="index"),
    pytest.param("how-to/gate-an-upgrade.md", 3, id="gate-an-upgrade"),
    pytest.param("how-to/read-a-report.md", 4, id="read-a-report"),
    pytest.param(
        "how-to/try-a-loop.md",
        5,
        id="try-a-loop",
        marks=pytest.mark.skipif(find_spec("rloop") is None, reason="rloop is not installed"),
    ),
    pytest.param("how-to/write-a-backend.md", 5, id="write-a-backend"),
    pytest.param("how-to/write-a-backend-without-async.md", 5, id="write-a-backend-without-async"),
    pytest.param("how-to/write-a-scenario.md", 5, id="write-a-scenario"),
]


@pytest.mark.parametrize(("name", "least"), FOLLOWED)
def test_a_page_can_be_followed(tmp_path, name, least):
    """From an empty folder, and it has commands."""
    reader = Reader(tmp_path)
    reader.follow((DOCS / name).read_text())
    assert reader.done > least


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_links(page):
    """Each leads somewhere."""
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
