"""Environments of a request: found, asked what they are, and refused with a reason."""

import json
import shlex
import sys
import zipfile
from importlib.metadata import PathDistribution

import msgspec
import pytest
from catalogue import catalogue
from msgspec.structs import replace

from harness.cli.interpreter_facts import describe
from harness.host.interpreters import (
    ROOT,
    Registered,
    ask_environment,
    describe_others,
    list_missing,
    list_registered,
    register,
    remove_registered,
    resolve_environments,
)
from harness.host.venvs import create_environment, find_python, find_source, pack_wheel
from harness.model import FORMAT, BackendSpec, Cell, Environment, Request, RoleBackend, UsageError, make_command

FACTS = Environment(python="3.99.1", implementation="cpython", harness="0.1.0", format=FORMAT, versions={"alpha": "2"})


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Be in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def program(path, said, code=0, stream=1):
    """Write a program that says something."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nprintf '%s\\n' {shlex.quote(said)} >&{stream}\nexit {code}\n")
    path.chmod(0o755)
    return path


def interpreter(path, facts=FACTS):
    """Write a program that says of itself what an environment says."""
    return program(path, "a plugin prints\n" + msgspec.json.encode(facts).decode())


def registered(name, requirements=()):
    """Register an environment."""
    interpreter(ROOT / name / "bin" / "python")
    register(Registered(name=name, requirements=requirements))


def test_ask(folder):
    """What it says is known, with its name and where it lies; a folder is that of a virtual environment."""
    path = interpreter(folder / "venv" / "bin" / "python")
    assert ask_environment("new", "venv") == replace(FACTS, name="new", interpreter=str(path))
    assert ask_environment("new", "venv").text == "cpython 3.99.1, harness 0.1.0, alpha 2"


@pytest.mark.parametrize(
    ("said", "code", "error"),
    [
        ("/x/python: Error while finding module (No module named 'harness')", 1, "No module named 'harness'"),
        ("Unknown option: -I\nusage", 2, "Unknown option: -I"),
        ("", 1, "it failed without a word"),
    ],
)
def test_ask_one_that_cannot_answer(folder, said, code, error):
    """Its real error is kept."""
    asked = ask_environment("old", str(program(folder / "old", said, code, stream=2)))
    assert error in asked.error
    assert asked.text.startswith("cannot be used: ")


def test_ask_one_that_answers_nonsense(folder):
    """It is said that it cannot be read."""
    assert "cannot read" in ask_environment("old", str(program(folder / "old", "hello"))).error


def test_ask_nobody():
    """A path without a program is a mistake of the user."""
    with pytest.raises(UsageError, match="environment 'old': /nowhere is no interpreter"):
        ask_environment("old", "/nowhere")


def test_equip(folder):
    """What the request names is found: by its path, or by its name."""
    given = str(interpreter(folder / "given"))
    registered("py399")
    request = Request(backends=("alpha@old:debug=true",), server="beta@py399", environments=(("old", given),))
    told, known = resolve_environments(request, catalogue())
    assert told.environments == (("old", given), ("py399", ".harness/envs/py399/bin/python"))
    assert {name: found.interpreter for name, found in known.environments.items()} == {
        "old": given,
        "py399": str(folder / ".harness/envs/py399/bin/python"),
    }
    assert describe_others(known)["environments"]["old"]["python"] == "3.99.1"
    assert resolve_environments(told, catalogue()) == (told, known)


def test_equip_without_environments():
    """Nothing is asked, and nothing is stored with the run."""
    request, here = Request(backends=("alpha", "a*")), catalogue()
    assert resolve_environments(request, here) == (request, here)
    assert describe_others(here) == {}


def test_equip_with_one_that_nobody_uses(folder):
    """It is said how to use it."""
    with pytest.raises(UsageError, match="no backend runs in environment 'old' of --env; add one: --backend NAME@old"):
        resolve_environments(Request(environments=(("old", sys.executable),)), catalogue())


def test_a_version_is_looked_up():
    """An environment of that name, or else one that was made with that requirement."""
    here = catalogue()
    here = replace(
        here, backends={**here.backends, "alpha": replace(here.backends["alpha"], distributions=("alpha-dist",))}
    )
    request = Request(backends=("alpha==2", "alpha==3@any"))
    assert list(list_missing(request, here)) == [("alpha-2", "alpha-dist==2")]
    registered("other", ("alpha-dist==2",))
    assert list(list_missing(request, here)) == []
    assert dict(resolve_environments(request, here)[0].environments) == {"alpha-2": ".harness/envs/other/bin/python"}


def test_registered_and_removed():
    """What was made is listed until it is removed; what is none is not removed."""
    registered("b")
    registered("a")
    assert [known.name for known in list_registered()] == ["a", "b"]
    remove_registered("a")
    assert not (ROOT / "a").exists()
    for name in ("a", "..", "b/.."):
        with pytest.raises(UsageError, match="to remove; there are b"):
            remove_registered(name)


def test_command_repeats_what_is_not_registered():
    """A path that the user gave is given again; a registered environment is found by its name."""
    request = Request(environments=(("old", "/x y/python"), ("py399", ".harness/envs/py399/bin/python")))
    for name, more in (("old", " --env 'old=/x y/python'"), ("py399", "")):
        cell = Cell(scenario="s", roles=(RoleBackend("main", BackendSpec("alpha", environment=name)),))
        assert make_command(cell, request, 0) == f"harness run --backend alpha@{name} --scenario s{more}"


def test_facts_of_this_interpreter():
    """They survive the way back to the runner."""
    facts = describe()
    assert facts.format == FORMAT
    assert {"asyncio", "trio", "threads"} <= set(facts.backends)
    assert msgspec.json.decode(msgspec.json.encode(facts), type=Environment) == facts


@pytest.mark.parametrize(
    ("name", "python", "says"),
    [
        ("a/b", "", "an environment cannot be called 'a/b'"),
        ("a", "3.999", "there is no Python '3.999' here"),
        ("a", "/nowhere/python", "there is no Python '/nowhere/python' here"),
        ("taken", "", "is there already and is no environment of harness"),
    ],
)
def test_create_refused(name, python, says):
    """Before anything is made or removed."""
    (ROOT / "taken").mkdir(parents=True)
    with pytest.raises(UsageError, match=says):
        create_environment(name, python, (), print)
    assert [path.name for path in ROOT.iterdir()] == ["taken"]


def test_an_interpreter_that_is_too_old(folder):
    """It is said which one is needed."""
    old = program(folder / "python", "3.9.2")
    with pytest.raises(UsageError, match=r"is Python 3\.9\.2; harness needs 3\.11 or later"):
        find_python(str(old))


def make_distribution(folder, origin=None):
    """Install a package of one module by hand."""
    facts = folder / "runtime_harness-1.0.dist-info"
    facts.mkdir(parents=True)
    (folder / "mod.py").write_text("answer = 42\n")
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: runtime-harness\nVersion: 1.0\n")
    (facts / "WHEEL").write_text("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    names = ["mod.py", f"{facts.name}/METADATA", f"{facts.name}/WHEEL", f"{facts.name}/RECORD", "../bin/harness"]
    if origin is not None:
        (facts / "direct_url.json").write_text(json.dumps(origin))
    (facts / "RECORD").write_text("".join(f"{name},,\n" for name in names))
    return PathDistribution(facts)


def test_source_is_where_this_one_came_from(folder):
    """The tree of an editable installation, else the wheel or tree, if it is there still."""
    tree = folder / "the tree"
    tree.mkdir()
    url = tree.as_uri()
    editable = make_distribution(folder / "e", {"url": url, "dir_info": {"editable": True}})
    copied = make_distribution(folder / "c", {"url": url, "dir_info": {}})
    gone = make_distribution(folder / "g", {"url": f"{url}/gone.whl", "archive_info": {}})
    assert find_source(editable, folder) == ("--editable", str(tree))
    assert find_source(copied, folder) == (str(tree),)
    assert find_source(gone, folder) == (str(folder / "runtime_harness-1.0-py3-none-any.whl"),)


def test_a_wheel_of_what_is_installed(folder):
    """It has the files of the distribution, without scripts, and a record of its own."""
    wheel = pack_wheel(make_distribution(folder / "s"), folder)
    with zipfile.ZipFile(wheel) as archive:
        facts = "runtime_harness-1.0.dist-info"
        assert sorted(archive.namelist()) == ["mod.py", f"{facts}/METADATA", f"{facts}/RECORD", f"{facts}/WHEEL"]
        assert "../bin/harness" not in archive.read(f"{facts}/RECORD").decode()
