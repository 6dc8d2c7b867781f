"""How a run ends: each runtime answers as known, and every broken contract is seen."""

import asyncio
import gc
import sys
from contextlib import suppress

import pytest

from harness.api import ENDING, Grade
from harness.testing.wrapping import Wrapped
from harness.worker.errors import describe_ending
from harness_asyncio.backend import AsyncioRunner
from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import shutdown

SCENARIOS = {scenario.name.removeprefix("shutdown."): scenario for scenario in shutdown.SCENARIOS}
EXITS, EXITS_IN_A_GROUP, RETURNS = "exits 3", "raises BaseExceptionGroup(SystemExit)", "returns"
FAILS = "raises PlannedFailureError"
ENDINGS_OF_MAIN = {"an error": FAILS, "SystemExit": EXITS, "KeyboardInterrupt": "raises KeyboardInterrupt"}
ENDINGS_OF_EXIT = {
    "asyncio": EXITS,
    "uvloop": EXITS,
    "curio": EXITS,
    "trio": EXITS_IN_A_GROUP,
    "threads": RETURNS,
}
GENERATORS = {
    "asyncio": shutdown.COMPLETED,
    "uvloop": shutdown.COMPLETED,
    "trio": shutdown.CUT_SHORT,
    "curio": shutdown.NEVER,
    "threads": shutdown.NEVER,
}
TASKS = {
    "asyncio": shutdown.COMPLETED,
    "uvloop": shutdown.COMPLETED,
    "curio": shutdown.COMPLETED,
    "threads": shutdown.NEVER,
}


class Remembering(Wrapped):
    """A runtime that remembers its events, so that what still waits can be ended after the run."""

    def __init__(self, inner):
        super().__init__(inner)
        self.events = []

    def create_event(self):
        self.events.append(self.inner.create_event())
        return self.events[-1]


class EndsInSilence(Wrapped):
    """A runner whose runs return whatever leaves them."""

    def run(self, main, unhandled):
        with suppress(BaseException):
            self.inner.run(main, unhandled)


class Ending:
    """Runs a scenario's main role alone and keeps how the run ends."""

    role = "main"
    seed = 1

    def __init__(self, parameters):
        self.parameters = parameters

    def step(self, actor, what):
        """Keep no trace."""

    def of(self, scenario, runner, wrap=lambda runtime: runtime):
        try:
            runner.run(lambda runtime: scenario.roles["main"](wrap(runtime), self), lambda exc, context: None)
        except BaseException as exc:
            return describe_ending(exc)
        return describe_ending(None)


@pytest.fixture
def only_generator(monkeypatch):
    """Let generators go that a run has left behind; they are not cleaned up, and curio complains of that."""
    yield
    monkeypatch.setattr(sys, "unraisablehook", lambda args: None)
    shutdown.LEFT_GENERATORS.clear()
    gc.collect()


@pytest.mark.parametrize("raises", ENDINGS_OF_MAIN)
def test_what_main_raises_ends_the_run(run_roles, backend, raises):
    """The error, exit or interrupt of the main function leaves the run as it is, on every runtime."""
    report = run_roles(SCENARIOS["main-raises"], {"raises": raises}, backend=backend)
    assert describe_ending(report.errors["main"]) == ENDINGS_OF_MAIN[raises]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("where", ["a task", "a job in a thread"])
def test_exit_in_a_task(run_roles, backend, where):
    """The exit code is kept, wrapped in a group on trio, and swallowed by threads."""
    report = run_roles(SCENARIOS["exit-in-a-task"], {"where": where}, backend=backend)
    assert describe_ending(report.errors.get("main")) == ENDINGS_OF_EXIT[backend]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("name", TASKS)
def test_exit_that_nobody_awaits(run_roles, name):
    """It ends the program wherever it is in a task of the main thread; threads swallow it."""
    pytest.importorskip(f"harness_{name}.backend", exc_type=(ImportError, AttributeError))
    report = run_roles(SCENARIOS["exit-nobody-awaits"], {}, backend=name)
    assert describe_ending(report.errors.get("main")) == ENDINGS_OF_EXIT[name]


def test_exit_that_is_dropped_is_seen():
    """A runtime that drops what tasks without an owner raise breaks the contract."""
    question = SCENARIOS["exit-nobody-awaits"]
    ending = Ending({}).of(question, AsyncioRunner({}), FAULTS["detached-failure-lost"].runtime)
    assert question.judges[ENDING].breaks(ending)


@pytest.mark.parametrize("main", ["returns", "raises"])
@pytest.mark.parametrize("name", TASKS)
def test_task_left_behind(run_roles, name, main):
    """Loops and curio cancel it and let it clean up; a thread is left where it is."""
    pytest.importorskip(f"harness_{name}.backend", exc_type=(ImportError, AttributeError))
    runtimes = []

    def remember(runtime):
        runtimes.append(Remembering(runtime))
        return runtimes[-1]

    report = run_roles(SCENARIOS["task-left-behind"], {"main": main}, backend=name, wrap={"main": remember})
    if name == "threads":
        for event in runtimes[0].events:
            asyncio.run(event.set())  # it never suspends
    assert report["answer"] == TASKS[name]
    assert describe_ending(report.errors.get("main")) == (FAILS if main == "raises" else RETURNS)


@pytest.mark.usefixtures("only_generator")
@pytest.mark.parametrize("main", ["returns", "raises"])
def test_generator_left_behind(run_roles, backend, main):
    """On asyncio it is closed and waited for, trio does not wait, curio and threads do not know of it."""
    report = run_roles(SCENARIOS["generator-left-behind"], {"main": main}, backend=backend)
    assert report["answer"] == GENERATORS[backend]
    assert describe_ending(report.errors.get("main")) == (FAILS if main == "raises" else RETURNS)


@pytest.mark.parametrize("name", TASKS)
def test_failure_that_nobody_awaits_is_reported(ask, name):
    """Each runtime that has tasks without an owner reports their errors."""
    assert ask(SCENARIOS["failure-nobody-awaits"], name, {"repetitions": 1}) == {shutdown.REPORTED}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are new in Python 3.12")
def test_failure_of_an_eager_task_is_reported(ask):
    """The task fails as it is started, where its error could keep it alive."""
    assert ask(SCENARIOS["failure-nobody-awaits"], "asyncio:eager=true", {"repetitions": 1}) == {shutdown.REPORTED}


def test_failure_that_is_dropped_is_seen(ask):
    """An error that reaches nobody is lost, which is forbidden."""
    question = SCENARIOS["failure-nobody-awaits"]
    assert ask(question, "asyncio", {"repetitions": 1}, wrap=FAULTS["detached-failure-lost"].runtime) == {shutdown.LOST}
    assert question.judges["answer"].grades[shutdown.LOST].grade is Grade.FORBIDDEN


@pytest.mark.parametrize("raises", ENDINGS_OF_MAIN)
def test_error_of_main_that_is_lost_is_seen(raises):
    """A run that returns although its main function raised breaks the contract."""
    ending = Ending({"raises": raises}).of(SCENARIOS["main-raises"], EndsInSilence(AsyncioRunner({})))
    assert SCENARIOS["main-raises"].judges[ENDING].breaks(ending)


def test_swallowed_exit_is_seen():
    """A group that swallows the exit of its task breaks the contract, as threads do."""
    question = SCENARIOS["exit-in-a-task"]
    trio_backend = pytest.importorskip("harness_trio.backend")
    ending = Ending({"where": "a task"}).of(question, trio_backend.TrioRunner({}), FAULTS["exit-swallowed"].runtime)
    assert question.judges[ENDING].breaks(ending)
    assert not question.judges[ENDING].breaks(EXITS)
    assert not question.judges[ENDING].breaks(EXITS_IN_A_GROUP)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("main-raises", {*ENDINGS_OF_MAIN.values(), RETURNS}),
        ("exit-in-a-task", set(ENDINGS_OF_EXIT.values())),
        ("exit-nobody-awaits", {EXITS, RETURNS}),
        ("task-left-behind", {FAILS, RETURNS}),
        ("generator-left-behind", {FAILS, RETURNS}),
    ],
)
def test_endings_are_known(name, known):
    """The endings that are graded are those that are seen."""
    assert set(SCENARIOS[name].judges[ENDING].grades) == known
