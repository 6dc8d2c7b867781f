"""The reference says what the code does."""

import re
import threading
from pathlib import Path
from typing import Any

import click
import pytest

from harness.cli.exits import MEANINGS
from harness.cli.main import harness, load_plugins
from harness.model import Executor, FindingKind, Outcome, UsageError
from harness.plan.perturb import parse_perturbations
from harness.plugins import hookspecs

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"

load_plugins()


def table(name: str, first: str) -> dict[str, list[str]]:
    """Return the rows of the table whose header starts with `first`."""
    text = (REFERENCE / name).read_text()
    (block,) = re.findall(rf"^\| {re.escape(first)} \|.*\n\|[- |]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in block.splitlines()]
    return {row[0].strip().strip("`"): row[1:] for row in rows}


def test_exit_codes():
    """Each code with its meaning."""
    assert table("command-line.md", "code") == {str(code.value): [text] for code, text in MEANINGS.items()}


def find_command(name: str) -> click.Command:
    """Return a command of the program."""
    command = harness.get_command(click.Context(harness), name)
    assert command is not None, f"there is no command {name}"
    return command


def test_commands():
    """Each command is there, and no other."""
    names = harness.list_commands(click.Context(harness))
    assert set(table("command-line.md", "command")) == {f"harness {name}" for name in names}


@pytest.mark.parametrize("name", ["run", "matrix", "plan"])
def test_options(name):
    """Each option is named in the page."""
    text = (REFERENCE / "command-line.md").read_text()
    options = [option for parameter in find_command(name).params for option in parameter.opts]
    assert [option for option in options if f"`{option}`" not in text] == []


def test_hooks():
    """Each hook is there, and no other."""
    assert set(table("hooks.md", "hook")) == {name for name in vars(hookspecs) if name.startswith("harness_")}


def test_the_example_of_an_executor(monkeypatch):
    """It declares one that is accepted, and keeps the command that it is given."""
    example, _ = re.findall(r"```python\n(.*?)```", (REFERENCE / "hooks.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)
    (executor,) = names["harness_executors"]()
    assert isinstance(executor, Executor)
    assert executor.wrap(("python", "-m"), "client") == ("taskset", "-c", "1", "python", "-m")
    monkeypatch.setenv("PATH", "")
    assert "there is no program taskset" in executor.find_problem()


def test_the_example_of_a_perturbation():
    """It reads its value, refuses others in words that complete the sentence, and acts in the worker."""
    _, example = re.findall(r"```python\n(.*?)```", (REFERENCE / "hooks.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {"__name__": "example"}
    exec(example, names)
    (perturbation,) = names["harness_perturbations"]()
    assert parse_perturbations(("stack=64",), {"stack": perturbation}) == (("stack", "64"),)
    with pytest.raises(UsageError, match="perturbation stack cannot be '8'; it is a number of KiB, 32 or more"):
        parse_perturbations(("stack=8",), {"stack": perturbation})
    module, _, function = perturbation.in_worker.partition(":")
    before = threading.stack_size()
    try:
        assert names[function]("runtime", "64") == "runtime"
        assert (module, threading.stack_size()) == ("example", 64 * 1024)
    finally:
        threading.stack_size(before)


def test_outcomes_and_findings():
    """Each kind is there, and what makes the exit code 1."""
    assert set(table("outcomes.md", "outcome")) == {outcome.value for outcome in Outcome}
    findings = table("outcomes.md", "finding")
    assert {name: row[-1].strip(" |") for name, row in findings.items()} == {
        kind.value: "yes" if kind.unexpected else "no" for kind in FindingKind
    }


def test_links_of_the_readme():
    """A link of the README leads somewhere."""
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text())
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_command_in_the_readme_exists():
    """`harness X` in the README is a command, with options that it has."""
    for line in re.findall(r"^harness ([^#\n]+)", (ROOT / "README.md").read_text(), re.MULTILINE):
        command = find_command(line.split()[0])
        known = {option for parameter in command.params for option in parameter.opts}
        assert [word for word in line.split() if word.startswith("-") and word != "-v" and word not in known] == []
