"""What a cancellation does to a job: each runtime answers as known, a cancellation that is lost is seen."""

import gc

import pytest

from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import offload_cancel

from .offload_cancel_saboteurs import KeepsJobs, ReportsErrors

SCENARIOS = {scenario.name.removeprefix("offload."): scenario for scenario in offload_cancel.SCENARIOS}
POOLS = ("asyncio", "uvloop", "trio", "curio")
NOT_TRIO = ("asyncio", "uvloop", "curio", "threads")

EXPECTED = [
    (
        "cancel-in-a-process",
        {
            offload_cancel.LEAVES: ("asyncio", "uvloop", "threads"),
            offload_cancel.WAITS: ("trio",),
            offload_cancel.STOPS: ("curio",),
        },
    ),
    ("cancel-queued", {offload_cancel.NEVER_RUNS: POOLS, offload_cancel.NONE_WAITS: ("threads",)}),
    ("error-of-abandoned-job", {offload_cancel.UNTOLD: NOT_TRIO, offload_cancel.RAISED: ("trio",)}),
]


@pytest.fixture(autouse=True)
def _collect():
    """Collect what a trial leaves in the test that made it, and not in the next one."""
    yield
    gc.collect()


# curio 1.6 forgets the pipe of a process that it stops
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("name", "expected"), EXPECTED)
def test_each_runtime_answers_as_known(run_roles, backend, name, expected):
    """The known difference appears on the runtimes where it lives and on no other; none breaks a contract."""
    known = [answer for answer, runtimes in expected.items() if backend in runtimes]
    report = run_roles(SCENARIOS[name], {}, backend=backend)
    assert (report.errors, report.violations, report.values["answer"]) == ({}, set(), known)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("cancel-in-a-process", offload_cancel.LEAVES),
        ("cancel-queued", offload_cancel.NEVER_RUNS),
        ("error-of-abandoned-job", offload_cancel.UNTOLD),
    ],
)
def test_trio_abandons_on_demand(ask, name, answer):
    """With `offload=abandon` trio answers as the others do."""
    assert ask(SCENARIOS[name], "trio:offload=abandon") == {answer}


@pytest.mark.parametrize("name", ["cancel-in-a-process", "cancel-queued"])
def test_lost_cancellation_is_seen(run_roles, name):
    """A runtime that never delivers the cancellation breaks the contract."""
    report = run_roles(SCENARIOS[name], {}, wrap={"main": FAULTS["cancels-nothing"].runtime})
    assert (report["answer"], report.violations) == (offload_cancel.CANCELLATION_LOST, {"answer"})


@pytest.mark.parametrize(
    ("name", "other", "answer"),
    [
        ("cancel-queued", KeepsJobs, offload_cancel.RUNS_ANYWAY),
        ("error-of-abandoned-job", ReportsErrors, offload_cancel.REPORTED),
    ],
)
def test_other_policy_is_seen(run_roles, name, other, answer):
    """A runtime that does a job whatever becomes of its caller, or reports how it ended, gives another answer."""
    report = run_roles(SCENARIOS[name], {}, wrap={"main": other})
    assert (report["answer"], report.violations) == (answer, set())
