"""`harness init` and the profile of a project."""

import tomllib
from pathlib import Path

import pytest

from harness.cli import main as program
from harness.cli.exits import Exit
from harness.cli.init import WORKFLOW, find_features
from harness.cli.profile import Profile, apply_profile, read_profile, select_about
from harness.model import UsageError
from harness.plugins import Plugins

SCENARIOS = Plugins().catalogue().scenarios
UNCHOSEN = {"backends": (), "scenarios": (), "environments": (), "expectation_files": ()}


def harness(*arguments):
    """Call the program in this process and return its exit code."""
    with pytest.raises(SystemExit) as exited:
        program.main(arguments)
    return exited.value.code


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An application with tests, in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("tests").mkdir()
    Path("tests/test_app.py").write_text("import subprocess, signals\n")
    Path("app.py").write_text("import asyncio\nasyncio.TaskGroup; asyncio.Queue\n")
    Path("pyproject.toml").write_text('# ours\n[project]\nname = "app"\n\n[tool.other]\nx = 1\n')
    return tmp_path


def test_it_writes_a_profile_and_a_gate(project):
    """The rest of pyproject.toml stays; features are those of the source and not of its tests."""
    assert harness("init", "-b", "asyncio", "-b", "uvloop") == Exit.OK
    text = Path("pyproject.toml").read_text()
    assert text.startswith('# ours\n[project]\nname = "app"\n\n[tool.other]\nx = 1\n')
    assert tomllib.loads(text)["tool"]["harness"] == {
        "uses": ["queues", "task-groups"],
        "backends": ["asyncio", "uvloop"],
    }
    assert read_profile(project) == Profile(uses=("queues", "task-groups"), backends=("asyncio", "uvloop"))
    steps = [line.partition("run: ")[2] for line in WORKFLOW.read_text().splitlines() if "- run: harness" in line]
    assert steps == ["harness matrix --profile --preset quick", "harness suite tests -b asyncio -b uvloop"]


def test_backends_are_those_that_can_run_a_suite(project):
    """Without a choice; a backend that is broken on purpose is none of them."""
    assert harness("init", "--uses", "queues") == Exit.OK
    backends = Plugins().catalogue().backends
    expected = [name for name, backend in backends.items() if backend.in_force and not backend.control]
    assert list(read_profile(project).backends) == expected
    assert {"asyncio", "uvloop"} <= set(expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("init", "--uses", "telepathy"), "no scenario is about 'telepathy'; features are blocking-calls, "),
        (("init", "-b", "uvlop"), "unknown backend 'uvlop'; did you mean 'uvloop'?"),
        (("init", "-b", "uvlop==1@old:a=b"), "unknown backend 'uvlop'; did you mean 'uvloop'?"),
        (("init", "-b", "trio==new"), "cannot read backend 'trio==new': 'new' is no version, such as 0.30.0"),
    ],
)
@pytest.mark.usefixtures("project")
def test_what_it_refuses(arguments, message, capsys):
    """In one line, and nothing is written."""
    before = Path("pyproject.toml").read_text()
    assert harness(*arguments) == Exit.USAGE
    assert message in capsys.readouterr().err
    assert (Path("pyproject.toml").read_text(), WORKFLOW.exists()) == (before, False)


@pytest.mark.usefixtures("project")
def test_it_replaces_nothing_without_force(capsys):
    """Neither the profile nor the workflow."""
    assert harness("init", "--uses", "queues") == Exit.OK
    assert harness("init", "--uses", "streams") == Exit.USAGE
    assert "has [tool.harness] already; --force replaces it" in capsys.readouterr().err
    assert harness("init", "--uses", "streams", "--force") == Exit.OK
    assert read_profile(Path()).uses == ("streams",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.x]\n", "has no [tool.harness]; write it with: harness init"),
        ("[tool.harness]\nuse = []\n", "unknown field `use`"),
        ("[tool", "cannot read"),
    ],
)
def test_a_profile_that_cannot_be_read(text, message, tmp_path):
    """One line with the file and the fix."""
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(UsageError, match=r"pyproject\.toml") as raised:
        read_profile(tmp_path)
    assert message in str(raised.value)


def test_the_command_line_has_precedence():
    """Options of the command line are kept; the profile supplies the others."""
    profile = Profile(uses=("queues",), backends=("asyncio",), environments={"old": "v"}, expectations=("known.toml",))
    chosen = apply_profile(profile, UNCHOSEN | {"backends": ("trio",)}, SCENARIOS)
    assert (chosen["backends"], chosen["environments"]) == (("trio",), ("old=v",))
    assert chosen["expectation_files"] == (Path("known.toml"),)
    assert "channel.capacity-zero" in chosen["scenarios"]
    assert "timer.short-sleep" not in chosen["scenarios"]


def test_features_select_scenarios_and_figures():
    """By the words that scenarios declare, in whatever form; without a feature all are selected."""
    selected = select_about(("task_groups", "streams"), SCENARIOS)
    assert {"group.start-order", "stream"} <= set(selected)
    assert select_about((), SCENARIOS) == ()


def test_source_of_others_is_not_read(tmp_path):
    """Only that of the project counts: no virtual environment, no tests."""
    for folder in (".venv/lib", "tests", "lib/site-packages/x"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.py").write_text("asyncio.Semaphore")
    (tmp_path / "b.py").write_text("asyncio.wait_for")
    assert find_features(tmp_path, ["semaphores", "wait-for"]) == ("wait-for",)
