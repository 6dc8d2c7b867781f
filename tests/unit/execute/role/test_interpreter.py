"""Where a worker runs: who is refused at the hello, and what a worker says that never came so far."""

import sys

import pytest
from msgspec.structs import replace

from harness.api import Backend
from harness.execute.role.interpreter import HERE, Interpreter, find_interpreter, find_missing
from harness.model import FORMAT, Attestation, BackendSpec, Cell, Environment, Outcome, RoleBackend

PLACE = Interpreter(name="py311", interpreter="/e/bin/python", python="3.11.7", version="0.29", distribution="trio")
HELLO = Attestation(
    scheduler="trio.Runner",
    expected="trio.*",
    python="3.11.7",
    implementation="cpython",
    gil=True,
    versions={"trio": "0.29.0"},
    format=FORMAT,
)


def test_what_was_asked_for_goes_on():
    """The version is compared as versions are, not as text."""
    assert PLACE.find_refusal(HELLO) is None


@pytest.mark.parametrize(
    ("said", "outcome", "reason"),
    [
        (
            {"format": 0},
            Outcome.INVALID_ENV,
            f"the worker in env py311 speaks version 0, this is {FORMAT}: run harness env create again",
        ),
        (
            {"python": "3.12.1"},
            Outcome.INVALID_ENV,
            "env py311 was Python 3.11.7 when this was planned, and is 3.12.1: run harness env create again",
        ),
        (
            {"versions": {"trio": "0.35.0"}},
            Outcome.WRONG_BACKEND,
            "asked for trio==0.29, got 0.35.0 in env py311",
        ),
    ],
)
def test_what_was_not_asked_for_is_refused(said, outcome, reason):
    """With the outcome that says whose fault it is."""
    assert PLACE.find_refusal(replace(HELLO, **said)) == (outcome, reason)


def test_a_version_that_is_not_told_is_not_judged():
    """A module without `__version__` was looked at when the run was planned."""
    assert PLACE.find_refusal(replace(HELLO, versions={"trio": "?"})) is None


def test_the_own_interpreter_is_not_asked():
    """Neither for its version nor why it did not start: that is a crash."""
    assert HERE.find_refusal(replace(HELLO, format=0)) is None
    assert HERE.describe_failed_start(b"no", 1) is None
    assert HERE.interpreter == sys.executable


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"/e/bin/python: Error while finding module specification (No module named 'harness')\n", "No module named"),
        (b"Unknown option: -P\nusage: python\nTry `python -h'\n", "Unknown option: -P"),
        (b"Traceback:\n  x\nImportError: no\nbye\n", "ImportError: no"),
        (b"", "exit code 1 without a word"),
    ],
)
def test_a_worker_that_does_not_start(said, why):
    """The reason has the real error, and where it happened."""
    outcome, reason = PLACE.describe_failed_start(said, 1)
    assert outcome is Outcome.INVALID_ENV
    assert reason.startswith("no worker starts in env py311 (/e/bin/python): ")
    assert why in reason


def test_a_worker_that_died_of_a_signal_crashed():
    """That is not about the environment."""
    assert PLACE.describe_failed_start(b"Fatal Python error: Segmentation fault", -11) is None


def test_variables_of_another_interpreter():
    """A path for this Python is nothing for another one."""
    given = {"PYTHONPATH": "/here", "PYTHONHOME": "/home", "PYTHONHASHSEED": "1", "LANG": "C"}
    assert PLACE.variables(given) == {"PYTHONHASHSEED": "1", "LANG": "C"}
    assert HERE.variables(given) == given


def test_find_place():
    """A spec without an environment runs here."""
    trio = Backend(name="trio", summary="x", runner="m:C", distributions=("trio",))
    known = {"py311": Environment(name="py311", interpreter="/e/bin/python", python="3.11.7")}
    assert find_interpreter(BackendSpec("trio"), trio, known) is HERE
    assert find_interpreter(BackendSpec("trio", environment="py311", version="0.29"), trio, known) == PLACE


def test_find_missing():
    """What is not there any more when the cell's turn comes is said before any process starts."""
    cell = Cell(scenario="s", roles=(RoleBackend("main", BackendSpec("trio", environment="gone")),))
    assert find_missing(cell, {}) == "there is no environment 'gone': make it with harness env create gone"
    gone = {"gone": Environment(name="gone", interpreter="/nowhere/python")}
    assert "has no interpreter /nowhere/python any more" in find_missing(cell, gone)
    assert find_missing(cell, {"gone": Environment(name="gone", interpreter=sys.executable)}) == ""
