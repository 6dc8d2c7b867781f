"""Child processes: each runtime answers as known, and every broken contract is seen."""

import sys

import pytest
from apart import Request

from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import process_others, process_start, process_streams, process_wait
from harness_scenarios.behaviours.question import NEVER_ENDS

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""What a fault or a runtime leaves behind is collected, and warned of, in whatever test runs then."""

MODULES = (process_wait, process_streams, process_start, process_others)
SCENARIOS = {scenario.name.removeprefix("process."): scenario for module in MODULES for scenario in module.SCENARIOS}
LOOPS = ("asyncio", "uvloop")
ALL = (*LOOPS, "trio", "curio", "threads")
OTHERS = ("trio", "curio", "threads")
WAITS_IN_THREADS = ("curio", "threads", *(("asyncio",) if sys.version_info < (3, 12) else ()))


def but(*names):
    """Return the runtimes but for some."""
    return tuple(name for name in ALL if name not in names)


EXPECTED = {
    "wait-ends-with-the-process": {
        process_wait.WITH_THE_PROCESS: ALL,
        process_wait.WITH_THE_PIPE: ("asyncio",) if sys.version_info < (3, 14) else (),
    },
    "cancelled-wait-keeps-exit-code": {process_wait.CODE_KEPT: ALL},
    "many-end-at-once": {process_wait.EACH_ITS_OWN: ALL},
    "many-wait-for-one": {process_wait.EACH_ITS_OWN: ALL},
    "exit-codes": {process_wait.AS_IT_ENDED: ALL},
    "late-wait": {process_wait.LATE_WAIT_RETURNS: ALL},
    "cancelled-read-keeps-bytes": {process_streams.INTACT: ALL},
    "output-outlives-child": {process_streams.INTACT: ALL},
    "communicate-any-size": {process_streams.INTACT: but("curio"), NEVER_ENDS: ("curio",)},
    "communicate-unread": {
        process_streams.NO_ERROR: but("curio", "uvloop"),
        process_streams.BROKEN: ("curio",),
        process_streams.CLOSED: ("uvloop",),
    },
    "communicate-waits": {process_streams.WAITED: but("curio"), process_streams.NOT_WAITED: ("curio",)},
    "write-to-ended-child": {process_streams.LEARNS: ALL},
    "streams-by-name": {process_start.OPENS: but("uvloop"), process_start.CANNOT_OPEN: ("uvloop",)},
    "inherits-descriptors": {process_start.NOTHING_ELSE: but("uvloop"), process_start.INHERITED: ("uvloop",)},
    "signals-of-a-child": {process_start.DEFAULT_SIGNALS: ALL},
    "failed-start-leaves-nothing": {process_start.NOTHING_LEFT: ALL},
    "cancelled-start-leaves-nothing": {process_start.NOTHING_LEFT: ALL},
    "cancelled-run": {process_start.LIVES: LOOPS, process_start.ENDED: OTHERS},
    "timed-out-run": {process_start.LIVES: LOOPS, process_start.ENDED: OTHERS},
    "signal-after-end": {process_others.LOOKUP_ERROR: LOOPS, process_others.NO_EFFECT: OTHERS},
    "foreign-child": {process_others.ITS_OWN: ALL},
    "watcher-threads": {
        process_others.EACH: WAITS_IN_THREADS,
        process_others.NONE: tuple(name for name in ALL if name not in WAITS_IN_THREADS),
    },
    "fork-hooks": {process_others.NOT_RUN: but("uvloop"), process_others.RUN: ("uvloop",)},
}
"""By question, its answers and the runtimes that give them."""

ONLY_IN_A_CELL = {
    "sigchld-ignored",  # signal handlers belong to the main thread, which a trial does not have
}
FEWER = {"many-end-at-once": {"most": 10}}
"""Parameters that make a question quick."""
FEWER_FOR_A_FAULT = FEWER | {"wait-ends-with-the-process": {"repetitions": 1}, "many-wait-for-one": {"repetitions": 2}}
"""The same for a broken runtime, which answers late."""
CAUGHT = [
    (name, FAULTS[fault])
    for name, scenario in SCENARIOS.items()
    if name not in ONLY_IN_A_CELL
    for fault in scenario.catches
]


def test_every_question_is_asked_here():
    """Of each runtime, and of a broken one."""
    assert set(EXPECTED) | ONLY_IN_A_CELL == set(SCENARIOS)
    assert {name for name, _ in CAUGHT} | ONLY_IN_A_CELL == set(SCENARIOS)


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("name", EXPECTED)
def test_answers(ask, name, backend):
    """The set of answers over the whole sweep."""
    expected = {answer for answer, backends in EXPECTED[name].items() if backend in backends}
    assert ask(SCENARIOS[name], backend, FEWER.get(name)) == expected


@pytest.mark.parametrize(("name", "fault"), CAUGHT, ids=lambda value: getattr(value, "name", value))
def test_faults_are_caught(nursery, name, fault):
    """An answer is forbidden, or the role does not come to its end."""
    request = Request(
        ref=SCENARIOS[name].ref,
        backend=fault.control,
        parameters=FEWER_FOR_A_FAULT.get(name, {}),
        fault=fault.name,
        limit=8.0,
    )
    report = nursery.run(request)
    assert report.violations or report.errors or report.running
