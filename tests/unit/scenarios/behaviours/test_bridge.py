"""Between a thread and the scheduler: each runtime answers as known, and every fault is seen by the question for it."""

import pytest

from harness.api import Support
from harness.plugins import Plugins
from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import (
    bridge_blocks,
    bridge_call,
    bridge_direct,
    bridge_end,
    bridge_exhibit,
    bridge_signal,
    bridge_wake,
)
from harness_scenarios.behaviours.question import NEVER_ENDS

FAMILIES = (bridge_wake, bridge_call, bridge_end, bridge_blocks, bridge_direct)
SCENARIOS = {scenario.name.removeprefix("bridge."): scenario for family in FAMILIES for scenario in family.SCENARIOS}
LOOPS = ("asyncio", "uvloop")
CALLERS = (*LOOPS, "trio", "threads")
"""Runtimes that take calls from threads."""
ALL = (*CALLERS, "curio")
AT_ONCE, LATE, DIES, REFUSED, BROKEN = (
    bridge_exhibit.AT_ONCE,
    bridge_exhibit.LATE,
    bridge_exhibit.DIES,
    bridge_exhibit.REFUSED,
    bridge_exhibit.BROKEN,
)
EXIT = {"raises": "SystemExit"}

EXPECTED = [
    ("item-wakes-receiver", {}, {AT_ONCE: ALL}),
    ("call-wakes-scheduler", {}, {AT_ONCE: CALLERS}),
    ("event-wakes-every-waiter", {}, {AT_ONCE: ALL}),
    ("items-keep-order", {}, {bridge_wake.IN_ORDER: ALL}),
    ("cancelled-receive-keeps-item", {}, {bridge_wake.KEPT: ALL}),
    ("finaliser-puts", {}, {AT_ONCE: ALL}),
    (
        "error-in-a-call",
        {},
        {bridge_wake.REPORTED: LOOPS, bridge_wake.ENDS: ("trio",), bridge_wake.RAISED: ("threads",)},
    ),
    ("errors-cross", {"raises": "an error"}, {bridge_call.SAME_ERROR: CALLERS}),
    ("errors-cross", {"raises": "StopIteration"}, {bridge_call.RUNTIME_ERROR: CALLERS}),
    ("errors-cross", {"raises": "a BaseException"}, {bridge_call.SAME_ERROR: CALLERS}),
    ("errors-cross", EXIT, {bridge_call.ENDS_IT_TOO: LOOPS, bridge_call.SAME_ERROR: ("trio", "threads")}),
    ("cancel-job", {}, {bridge_call.CANCELLED: LOOPS, bridge_call.RUNS_ON: ("threads",)}),
    ("timeout-keeps-job", {}, {bridge_call.GOES_ON: (*LOOPS, "threads")}),
    ("context-visible", {}, {bridge_call.VISIBLE: CALLERS}),
    ("nested-calls", {}, {bridge_call.COMES_BACK: CALLERS}),
    (
        "cancel-behind-a-thread",
        {},
        {bridge_call.CALL_GOES_ON: (*LOOPS, "threads"), bridge_call.CALL_CANCELLED: ("trio",)},
    ),
    (
        "hand-over-after-end",
        {"call": "put an item"},
        {bridge_end.REFUSED: (*LOOPS, "trio"), bridge_end.SWALLOWED: ("threads", "curio")},
    ),
    (
        "hand-over-after-end",
        {"call": "set an event"},
        {bridge_end.REFUSED: (*LOOPS, "trio"), bridge_end.SWALLOWED: ("threads", "curio")},
    ),
    ("call-after-end", {"call": "call soon"}, {bridge_end.REFUSED: (*LOOPS, "trio"), bridge_end.MADE: ("threads",)}),
    ("call-after-end", {"call": "run a function"}, {bridge_end.REFUSED: CALLERS}),
    ("call-into-next-run", {}, {bridge_end.REFUSED: (*LOOPS, "trio"), bridge_end.MADE: ("threads",)}),
    (
        "end-while-a-call-waits",
        {},
        {bridge_end.TOLD: (*LOOPS, "trio"), bridge_end.ENDS_WITH_RESULT: ("threads",)},
    ),
    ("call-as-it-ends", {}, {bridge_end.WAITS: LOOPS, bridge_end.TOLD: ("threads",)}),
    ("two-schedulers", {}, {bridge_end.EACH_ANSWERED: CALLERS}),
    (
        "event-of-another-scheduler",
        {},
        {bridge_end.LATE: LOOPS, bridge_end.ENDS: ("trio", "curio"), bridge_end.WAKES: ("threads",)},
    ),
    (
        "task-blocks-on-thread",
        {},
        {bridge_blocks.EACH_WAITS: (*LOOPS, "trio"), bridge_blocks.BOTH_GO_ON: ("threads",)},
    ),
    (
        "call-from-own-thread",
        {},
        {
            bridge_blocks.EACH_WAITS: LOOPS,
            bridge_blocks.REFUSED: ("trio",),
            bridge_blocks.BOTH_GO_ON: ("threads",),
        },
    ),
    ("direct-item", {}, {LATE: LOOPS, DIES: ("trio",), AT_ONCE: ("threads",)}),
    ("direct-event", {}, {LATE: LOOPS, BROKEN: ("trio",), AT_ONCE: ("threads",)}),
    ("direct-task", {}, {LATE: LOOPS, REFUSED: ("trio",), AT_ONCE: ("threads",)}),
    ("direct-cancel", {}, {REFUSED: LOOPS, LATE: ("trio",), AT_ONCE: ("threads",)}),
]
"""Each question with its parameters, its answers and the runtimes that give them, on every version of Python."""
BREAKS = {"call-as-it-ends": LOOPS}
"""Questions whose known answer breaks the contract, and where."""

QUICK = [
    ("item-wakes-receiver", {}, "inbox-does-not-wake", LATE),
    ("items-keep-order", {}, "inbox-doubles-items", bridge_wake.DOUBLE),
    ("items-keep-order", {}, "inbox-swaps-items", bridge_wake.OUT_OF_ORDER),
    ("items-keep-order", {}, "inbox-loses-items", bridge_wake.MISSING),
    ("cancelled-receive-keeps-item", {}, "cancelled-inbox-takes-item", bridge_wake.ITEM_LOST),
    ("finaliser-puts", {}, "inbox-loses-items", bridge_exhibit.LOST),
    ("event-wakes-every-waiter", {}, "bridge-event-wakes-one", bridge_exhibit.LOST),
    ("call-wakes-scheduler", {}, "call-soon-does-not-wake", LATE),
    ("call-wakes-scheduler", {}, "call-soon-forgotten", bridge_exhibit.LOST),
    ("error-in-a-call", {}, "error-of-call-unseen", bridge_wake.UNSEEN),
    ("error-in-a-call", {}, "call-soon-forgotten", bridge_wake.BLOCKS),
    ("errors-cross", {"raises": "an error"}, "call-error-lost", bridge_call.NOTHING_RAISED),
    ("errors-cross", {"raises": "an error"}, "call-error-wakes-nothing", bridge_call.THREAD_WAITS),
    ("cancel-job", {}, "cancelled-job-runs-on", bridge_call.CLAIMS),
    ("timeout-keeps-job", {}, "timeout-cancels-job", bridge_call.JOB_DIES),
    ("context-visible", {}, "calls-share-a-context", bridge_call.LEAKS),
    ("cancel-behind-a-thread", {}, "cancelled-call-has-a-result", bridge_call.NEITHER),
    ("task-blocks-on-thread", {}, "call-is-lost-while-busy", bridge_blocks.THREAD_WAITS),
    ("call-from-own-thread", {}, "own-call-cannot-be-ended", NEVER_ENDS),
    ("direct-item", {}, "direct-call-lost", bridge_exhibit.LOST),
    ("direct-event", {}, "direct-call-lost", bridge_exhibit.LOST),
    ("direct-task", {}, "direct-call-lost", bridge_exhibit.LOST),
    ("direct-cancel", {}, "direct-call-lost", bridge_exhibit.LOST),
    ("call-after-end", {"call": "call soon"}, "call-soon-forgotten", bridge_end.SWALLOWED),
    ("call-after-end", {"call": "call soon"}, "call-after-end-swallowed", bridge_end.SWALLOWED),
    ("call-after-end", {"call": "run a function"}, "call-after-end-waits", bridge_end.WAITS),
    ("hand-over-after-end", {"call": "put an item"}, "call-after-end-waits", bridge_end.WAITS),
    ("call-into-next-run", {}, "call-after-end-swallowed", bridge_end.SWALLOWED),
    ("call-into-next-run", {}, "bridge-leads-to-the-latest-run", bridge_end.ELSEWHERE),
    ("two-schedulers", {}, "bridge-leads-to-the-latest-run", bridge_end.WRONG_THREAD),
    ("end-while-a-call-waits", {}, "pending-call-forgotten", bridge_end.WAITS),
    ("call-as-it-ends", {}, "last-call-forgotten", bridge_end.WAITS),
    ("event-of-another-scheduler", {}, "event-forgets-foreign-waiters", bridge_end.ASLEEP),
    ("nested-calls", {}, "one-call-at-a-time", bridge_call.DEADLOCK),
]
"""A question, a fault that breaks its contract, and the forbidden answer."""
SWEEPS = {
    "cancelled-receive-keeps-item": {"repetitions": 2},
    "event-wakes-every-waiter": {"repetitions": 2},
    "nested-calls": {"repetitions": 2},
}
"""Questions with a fault that does not show in their first repetition."""


def lacks(scenario, name):
    """Return whether a backend lacks what a question needs."""
    backend = Plugins().catalogue().backend(name)
    return any(backend.offer(capability).support is Support.ABSENT for capability in scenario.requires)


@pytest.mark.parametrize(
    ("name", "parameters", "expected"), EXPECTED, ids=[f"{case[0]}-{case[1]}" for case in EXPECTED]
)
def test_each_runtime_answers_as_known(run_apart, backend, name, parameters, expected):
    """The known difference appears on the runtimes where it lives and on no other."""
    scenario = SCENARIOS[name]
    if lacks(scenario, backend):
        assert not any(backend in runtimes for runtimes in expected.values())
        pytest.skip("unsupported")
    report = run_apart(scenario, parameters, backend=backend)
    assert report.errors == {}
    assert set(report.values["answer"]) == {answer for answer, runtimes in expected.items() if backend in runtimes}
    assert report.violations == ({"answer"} if backend in BREAKS.get(name, ()) else set())


@pytest.mark.parametrize(("name", "parameters", "fault", "answer"), QUICK)
def test_broken_contract_is_seen(run_apart, name, parameters, fault, answer):
    """A healthy runtime with one fault gives the forbidden answer, and the question says that it catches the fault."""
    scenario = SCENARIOS[name]
    assert fault in scenario.catches
    pytest.importorskip(f"harness_{FAULTS[fault].control}.backend")
    asked = parameters | SWEEPS.get(name, {"repetitions": 1})
    report = run_apart(scenario, asked, backend=FAULTS[fault].control, fault=fault)
    assert report.errors == {}
    assert report.values["answer"][-1:] == [answer]
    assert report.violations == {"answer"}


def test_every_question_has_a_fault_that_it_catches():
    """Named in its declaration, known to the register, and tried above or as a cell of its own."""
    tried = {(name, fault) for name, _, fault, _ in QUICK}
    for name, scenario in SCENARIOS.items():
        assert scenario.catches, name
        assert {fault for question, fault in tried if question == name} & set(scenario.catches), name
    assert all(scenario.catches for scenario in bridge_signal.SCENARIOS)
