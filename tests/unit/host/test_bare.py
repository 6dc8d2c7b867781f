"""Interpreters without harness are given the code of a worker by path."""

import json
import shlex

import pytest
from catalogue import catalogue
from msgspec.structs import replace

from harness.execute.role.interpreter import Interpreter
from harness.host.bare import FOLDER, equip_if_bare
from harness.host.interpreters import resolve_environments
from harness.model import FORMAT, Environment, Request, UsageError

MISSING = "ModuleNotFoundError: No module named 'harness'"
FACTS = {"python": "3.11.7", "implementation": "cpython", "compiler": "GCC", "versions": {"alpha": "1.9", "pip": "1"}}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Be in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def known():
    """Return a catalogue whose backends need a distribution each."""
    made = catalogue()
    backends = {name: replace(each, distributions=(name,)) for name, each in made.backends.items()}
    return replace(made, backends=backends)


def interpreter(folder, facts):
    """Write a fake Python that has no harness and that prints facts about itself."""
    path = folder / "python"
    path.write_text(
        f"#!/bin/sh\n[ $2 = -m ] && {{ echo {shlex.quote(MISSING)} >&2; exit 1; }}\necho '{json.dumps(facts)}'\n"
    )
    path.chmod(0o755)
    return path


def test_it_is_asked_without_harness(folder):
    """Its versions are those of the runtimes, and its workers find harness in a folder of ours."""
    found = Environment(name="old", interpreter=str(interpreter(folder, FACTS)), error=MISSING)
    made = equip_if_bare(found, known())
    assert (made.name, made.python, made.format, made.error) == ("old", "3.11.7", FORMAT, "")
    assert made.versions == {"alpha": "1.9"}
    assert made.injected == str(FOLDER.absolute())
    assert (FOLDER / "harness" / "worker" / "role.py").is_file()
    assert equip_if_bare(found, known()) == made  # existing links are kept


@pytest.mark.parametrize("error", ["", "cannot be started: Permission denied"])
def test_others_are_as_they_are(error):
    """One that has a harness, or that fails in another way."""
    found = Environment(name="old", interpreter="/nowhere", error=error)
    assert equip_if_bare(found, known()) is found


def test_an_old_python(folder):
    """Is refused before the run."""
    found = Environment(name="old", interpreter=str(interpreter(folder, FACTS | {"python": "3.9.2"})), error=MISSING)
    with pytest.raises(UsageError, match=r"'old' has Python 3\.9\.2; a worker needs 3\.11 or later"):
        equip_if_bare(found, known())


@pytest.mark.parametrize("also", [(), ("alpha@old",)])
def test_a_missing_runtime_is_named_before_the_run(folder, also):
    """With the environment, its Python and the backend; also where another backend could run there."""
    request = Request(backends=(*also, "beta@old"), environments=(("old", str(interpreter(folder, FACTS))),))
    with pytest.raises(UsageError, match=r"Python 3\.11\.7\) has no beta, which beta@old needs; install it there"):
        resolve_environments(request, known())


def test_its_workers_write_nothing_into_it():
    """They import from our folder, and compiled files go there."""
    place = Interpreter(name="old", injected="/ours")
    given = {"PYTHONPATH": "/here", "PYTHONHOME": "/home", "LANG": "C"}
    expected = {"LANG": "C", "PYTHONPATH": "/ours", "PYTHONPYCACHEPREFIX": "/ours/__pycache__"}
    assert place.variables(given) == expected
