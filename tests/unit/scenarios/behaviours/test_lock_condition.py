"""Whom a notification reaches and who holds the lock: each runtime answers as known, broken contracts are seen."""

import subprocess
import sys

import pytest

from harness.api import ENDING
from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import lock_condition, question

from .impatient import impatient

SCENARIOS = {scenario.name.removeprefix("lock."): scenario for scenario in lock_condition.SCENARIOS}
ALL = ("asyncio", "uvloop", "trio", "curio", "threads")
NOT_CURIO = ("asyncio", "uvloop", "trio", "threads")
NOT_TRIO = ("asyncio", "uvloop", "curio", "threads")
LATER = {"cancelled": "as it waits for the lock"}
ASYNCIO_PASSES_ON = sys.version_info >= (3, 13)
"""gh-112202"""

EXPECTED = [
    ("notified-and-cancelled", {}, {lock_condition.TAKEN: NOT_TRIO, lock_condition.LOST: ("trio",)}),
    (
        "notified-and-cancelled",
        LATER,
        {
            lock_condition.TAKEN: ("threads",),
            lock_condition.LOST: ("trio",) if ASYNCIO_PASSES_ON else ("trio", "asyncio", "uvloop"),
            lock_condition.PASSED_ON: ("asyncio", "uvloop") if ASYNCIO_PASSES_ON else (),
            lock_condition.LOCK_LOST: ("curio",),
        },
    ),
    ("held-after-cancelled-wait", {"times": 1}, {lock_condition.HELD: ALL}),
    (
        "held-after-cancelled-wait",
        {"times": 2},
        {lock_condition.HELD: NOT_CURIO, lock_condition.LOCK_LOST: ("curio",)},
    ),
    ("order-of-notified", {}, {lock_condition.IN_ORDER: ("asyncio", "uvloop", "trio", "curio")}),
    ("notify-needs-the-lock", {"held": False}, {lock_condition.REFUSED: ALL}),
    (
        "notify-needs-the-lock",
        {"held": True},
        {lock_condition.BY_ANOTHER: NOT_TRIO, lock_condition.REFUSED: ("trio",)},
    ),
]
"""For each question the answers and the runtimes that give them; where threads are not named they may give any."""
RUN_ON_CURIO = """
from types import SimpleNamespace
from harness_curio.backend import CurioRunner
from harness_scenarios.behaviours.lock_condition import more_than_wait

nothing = lambda *args: None
probe = SimpleNamespace(parameters={{"waiters": {waiters}}}, observe=nothing, step=nothing, advance=nothing)
try:
    CurioRunner({{}}).run(lambda runtime: more_than_wait.main(runtime, probe), nothing)
except Exception as exc:
    print("raises", type(exc).__name__, flush=True)
"""
VIOLATIONS = {lock_condition.LOST, lock_condition.LOCK_LOST}


@pytest.mark.parametrize(("name", "parameters", "expected"), EXPECTED)
def test_each_runtime_answers_as_known(run_roles, backend, name, parameters, expected):
    """The known difference appears on the runtimes where it lives and on no other, and is a violation if it is one."""
    report = run_roles(SCENARIOS[name], {"repetitions": 2, **parameters}, backend=backend)
    known = {answer for answer, runtimes in expected.items() if backend in runtimes}
    assert report.errors == {}
    assert set(report.values["answer"]) == known or (backend == "threads" and not known)
    assert report.violations == ({"answer"} if known & VIOLATIONS else set())


@pytest.mark.parametrize("waiters", [0, 2])
@pytest.mark.parametrize("runtime", NOT_CURIO)
def test_notify_more_than_wait_is_nothing(run_roles, runtime, waiters):
    """Each waiter is woken and nothing is kept."""
    report = run_roles(SCENARIOS["notify-more-than-wait"], {"waiters": waiters}, backend=runtime)
    assert (report.errors, report.violations) == ({}, set())
    assert report["each waiter is woken"] is True


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="curio 1.6 cannot be imported")
@pytest.mark.parametrize("waiters", [0, 2])
def test_notify_more_than_wait_ends_the_kernel_of_curio(waiters):
    """It raises IndexError. In a process of its own, because tasks are left over that cannot be closed."""
    script = RUN_ON_CURIO.format(waiters=waiters)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert ended.stdout.strip() == "raises IndexError"


def test_ending_of_curio_is_known():
    """What ends the kernel of curio is forbidden, with the issue; every other ending but a return is not known."""
    grades = SCENARIOS["notify-more-than-wait"].judges[ENDING].grades
    assert {ending: grade.grade.value for ending, grade in grades.items()} == {
        "returns": "allowed",
        "raises IndexError": "forbidden",
    }


@pytest.mark.parametrize(
    ("name", "parameters", "fault", "answer"),
    [
        ("notified-and-cancelled", {}, "first-notify-lost", lock_condition.LOST),
        ("notified-and-cancelled", LATER, "first-notify-lost", lock_condition.LOST),
        ("held-after-cancelled-wait", {}, "wait-ends-without-lock", lock_condition.LOCK_LOST),
        ("notify-needs-the-lock", {}, "notify-without-lock", lock_condition.BY_NOBODY),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_broken_contract_is_seen(run_roles, name, parameters, fault, answer):
    """A healthy runtime that breaks one thing gives the forbidden answer; not always, where threads are late."""
    wrap = {"main": FAULTS[fault].runtime}
    report = run_roles(SCENARIOS[name], {"repetitions": 10, **parameters}, backend="threads", wrap=wrap)
    assert answer in report.values["answer"]
    assert report.violations == {"answer"}


def test_lost_notifications_hang(run_roles):
    """Where no notification arrives the trial never ends."""
    wrap = impatient(FAULTS["notify-lost"].runtime)
    report = run_roles(SCENARIOS["order-of-notified"], {"repetitions": 1}, wrap=wrap)
    assert (report["answer"], report.violations) == (question.NEVER_ENDS, {"answer"})


@pytest.mark.parametrize(
    ("fault", "broken_key"),
    [
        ("notify-wakes-one", "each waiter is woken"),
        ("notification-kept", "an old notification wakes a later waiter"),
    ],
)
def test_wrong_number_of_woken_is_seen(run_roles, fault, broken_key):
    """Too few woken now, or one too many later."""
    wrap = impatient(FAULTS[fault].runtime)
    report = run_roles(SCENARIOS["notify-more-than-wait"], {"waiters": 2}, wrap=wrap)
    assert (report.errors, report.violations) == ({}, {broken_key})
