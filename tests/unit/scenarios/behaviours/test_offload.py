"""Blocking work beside a runtime: each runtime answers as known, and every broken contract is seen."""

import gc
import os
import sys

import pytest

from harness.api import Grade
from harness.testing.wrapping import Wrapped
from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import offload
from harness_scenarios.behaviours.question import NEVER_ENDS

from .impatient import Impatient

SCENARIOS = {scenario.name.removeprefix("offload."): scenario for scenario in offload.SCENARIOS}
LOOPS = ("asyncio", "uvloop")
OTHERS = ("trio", "curio", "threads")
ALL = (*LOOPS, *OTHERS)
POOLS = (*LOOPS, "trio", "threads")
HANGS = sys.version_info < (3, 12, 2)
"""Until gh-112182 was fixed."""
SMALL_POOL = (os.cpu_count() or 1) + 4 < 20

PLAIN, UNCOPYABLE, EXIT = (
    {"raises": raises} for raises in ("an error", "an error that cannot be copied", "SystemExit")
)
IN_A_PROCESS = {"where": "a process"}

EXPECTED = [
    (
        "jobs-at-once",
        {"jobs": 20},
        {offload.SOME_WAIT: LOOPS * SMALL_POOL, offload.AT_ONCE: OTHERS if SMALL_POOL else ALL},
    ),
    ("jobs-at-once", {"jobs": 100}, {offload.SOME_WAIT: (*LOOPS, "trio", "curio"), offload.AT_ONCE: ("threads",)}),
    ("others-run", {}, {offload.RUN_MEANWHILE: ALL}),
    ("errors-cross", PLAIN, {offload.SAME_ERROR: ALL}),
    ("errors-cross", UNCOPYABLE, {offload.SAME_ERROR: ALL}),
    ("errors-cross", EXIT, {offload.SAME_ERROR: ALL}),
    ("context-visible", {}, {offload.VISIBLE: (*LOOPS, "trio"), offload.NOT_VISIBLE: ("curio", "threads")}),
    ("cancel-in-a-job", {}, {offload.CALLER_LEAVES: (*LOOPS, "curio", "threads"), offload.CALLER_WAITS: ("trio",)}),
]
"""Each question with its parameters, its answers and the runtimes that give them."""

IN_PROCESSES = [
    (PLAIN, {offload.SAME_ERROR: ALL}),
    (UNCOPYABLE, {offload.POOL_BREAKS: POOLS, offload.ANOTHER_ERROR: ("curio",)}),
    (EXIT, {offload.SAME_ERROR: POOLS, offload.POOL_BREAKS: ("curio",)}),
]
"""What a job in another process raises, and what becomes of it."""

VARIANTS = [
    ("context-visible", "asyncio:offload=executor", offload.NOT_VISIBLE),
    ("context-visible", "uvloop:offload=executor", offload.NOT_VISIBLE),
    ("cancel-in-a-job", "asyncio:offload=executor", offload.CALLER_LEAVES),
    ("cancel-in-a-job", "trio:offload=abandon", offload.CALLER_LEAVES),
]

SABOTEURS = [
    ("jobs-at-once", {"jobs": 4}, "offload-drops-jobs", offload.SOME_LOST),
    ("others-run", {}, "offload-blocks", offload.STAND_STILL),
    ("errors-cross", PLAIN, "error-of-thread-lost", offload.RETURNS),
    ("errors-cross", PLAIN, "error-breaks-the-pool", offload.POOL_BREAKS),
    ("stop-iteration", {}, "error-of-thread-lost", offload.RETURNS),
    ("stop-iteration", {}, "error-of-thread-wakes-nobody", NEVER_ENDS),
    ("context-visible", {}, "context-comes-back", offload.COMES_BACK),
    ("cancel-in-a-job", {}, "offload-swallows-cancellation", NEVER_ENDS),
]


@pytest.fixture
def collected():
    """Collect what a trial leaves in the test that made it, and not in the next one."""
    yield
    gc.collect()


def among(expected, backend):
    """Return the answers that are expected of a runtime."""
    return {answer for answer, runtimes in expected.items() if backend in runtimes}


@pytest.mark.parametrize(("name", "parameters", "expected"), EXPECTED)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # curio 1.6: see expected.toml
def test_each_runtime_answers_as_known(run_roles, backend, name, parameters, expected):
    """The known difference appears on the runtimes where it lives and on no other; none breaks a contract."""
    report = run_roles(SCENARIOS[name], parameters, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    assert set(report.values["answer"]) == among(expected, backend)


# curio 1.6 leaves the pipe of a worker process to the garbage collector
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize(("parameters", "expected"), IN_PROCESSES)
def test_errors_of_another_process(run_roles, backend, parameters, expected):
    """One that cannot be copied breaks each pool of concurrent.futures, an exit breaks the one of curio."""
    report = run_roles(SCENARIOS["errors-cross"], parameters | IN_A_PROCESS, backend=backend)
    answers = among(expected, backend)
    assert report.errors == {}
    assert set(report.values["answer"]) == answers
    assert report.violations == ({"answer"} if offload.POOL_BREAKS in answers else set())


def test_stop_iteration(run_roles, backend):
    """Before Python 3.12.2 asyncio never ends the call; the trial survives it. All others raise an error."""
    hangs = HANGS and backend in LOOPS
    report = run_roles(SCENARIOS["stop-iteration"], {}, backend=backend)
    assert report.errors == {}
    assert report["answer"] == (NEVER_ENDS if hangs else offload.AN_ERROR)
    assert report.violations == ({"answer"} if hangs else set())


def test_jobs_at_once_are_counted(run_roles, backend):
    """The number of jobs that ran at the same time is an observed fact."""
    report = run_roles(SCENARIOS["jobs-at-once"], {"jobs": 3}, backend=backend)
    assert (report["answer"], report["jobs at once"]) == (offload.AT_ONCE, 3)


@pytest.mark.parametrize(("name", "spec", "answer"), VARIANTS)
def test_variants_answer_as_known(ask, name, spec, answer):
    """Context variables stay behind with `run_in_executor`; trio leaves a job alone on demand."""
    assert spec in SCENARIOS[name].variants
    assert ask(SCENARIOS[name], spec) == {answer}


@pytest.mark.parametrize(("name", "parameters", "fault", "answer"), SABOTEURS)
def test_broken_contract_is_seen(run_roles, name, parameters, fault, answer):
    """A healthy runtime that breaks one thing gives the forbidden answer."""
    backend = "asyncio" if fault == "offload-swallows-cancellation" else "trio"
    pytest.importorskip(f"harness_{backend}.backend")
    saboteur = FAULTS[fault].runtime
    wrap = {"main": (lambda runtime: Impatient(saboteur(runtime))) if answer == NEVER_ENDS else saboteur}
    report = run_roles(SCENARIOS[name], {"repetitions": 1, **parameters}, backend=backend, wrap=wrap)
    assert report.errors == {}
    assert (report["answer"], report.violations) == (answer, {"answer"})


class RenamesErrors(Wrapped):
    """What a job raises arrives as another error."""

    async def run_in_thread(self, fn, *args):
        """Run it, and rename what it raises."""
        try:
            return await self.inner.run_in_thread(fn, *args)
        except ValueError as error:
            raise RuntimeError("a job failed") from error


def test_error_that_is_renamed_is_seen(run_roles):
    """Another error that leaves later jobs alone is an answer of its own, and no violation."""
    report = run_roles(SCENARIOS["errors-cross"], PLAIN, wrap={"main": RenamesErrors})
    assert (report["answer"], report.violations) == (offload.ANOTHER_ERROR, set())


@pytest.mark.parametrize("name", SCENARIOS)
def test_forbidden_answers_are_shown_to_be_seen(name):
    """There is a saboteur for each."""
    grades = SCENARIOS[name].judges["answer"].grades
    seen = {answer for asked, _, _, answer in SABOTEURS if asked == name}
    assert {answer for answer, graded in grades.items() if graded.grade is Grade.FORBIDDEN} <= seen
