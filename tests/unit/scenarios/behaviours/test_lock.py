"""Who gets a lock and who may give it up: each runtime answers as known, broken contracts are seen."""

import pytest

from harness.testing.wrapping import Lock
from harness_saboteurs import FAULTS, sabotage
from harness_scenarios.behaviours import lock, question

from .impatient import Impatient, impatient

SCENARIOS = {scenario.name.removeprefix("lock."): scenario for scenario in lock.SCENARIOS}
NEVER_ENDS = question.NEVER_ENDS
ALL = ("asyncio", "uvloop", "trio", "curio", "threads")
LOOPS = ("asyncio", "uvloop", "trio", "curio")
NOT_TRIO = ("asyncio", "uvloop", "curio", "threads")

EXPECTED = [
    ("order-of-waiters", {"primitive": "lock"}, {lock.IN_ORDER: LOOPS}),
    ("order-of-waiters", {"primitive": "semaphore"}, {lock.IN_ORDER: LOOPS}),
    ("waiter-gets-a-turn", {"primitive": "lock"}, {lock.NEXT_TURN: LOOPS}),
    ("waiter-gets-a-turn", {"primitive": "semaphore"}, {lock.NEXT_TURN: LOOPS}),
    ("release-by-another-task", {}, {lock.RELEASED: NOT_TRIO, lock.REFUSED: ("trio",)}),
    ("release-free", {}, {lock.AN_ERROR: ALL}),
    ("re-entry", {}, {NEVER_ENDS: NOT_TRIO, lock.AT_ONCE: ("trio",)}),
    ("owner-ends", {"waits": "before"}, {NEVER_ENDS: NOT_TRIO, lock.ABANDONED: ("trio",)}),
    ("owner-ends", {"waits": "after"}, {NEVER_ENDS: NOT_TRIO, lock.ABANDONED: ("trio",)}),
    ("order-inversion", {}, {NEVER_ENDS: ALL}),
]
"""For each question the answers and the runtimes that give them; where threads are not named they may give any."""

SABOTEURS = [
    ("re-entry", "lock-open", lock.TAKEN_TWICE),
    ("owner-ends", "lock-open", lock.INHERITED),
    ("order-inversion", "lock-open", lock.TAKEN_TWICE),
    ("release-by-another-task", "lock-never-released", "returns, and the lock is held"),
]
HANGING_SABOTEURS = [
    ("handover-survives-cancel", "lock-lost-with-its-waiter"),
    ("handover-survives-cancel", "lock-never-released"),
    ("order-of-waiters", "lock-never-released"),
    ("waiter-gets-a-turn", "lock-never-released"),
]


@pytest.mark.parametrize(("name", "parameters", "expected"), EXPECTED)
def test_each_runtime_answers_as_known(run_roles, backend, name, parameters, expected):
    """The known difference appears on the runtimes where it lives and on no other; none breaks a contract."""
    known = {answer for answer, runtimes in expected.items() if backend in runtimes}
    wrap = {"main": Impatient} if known == {NEVER_ENDS} else None
    report = run_roles(SCENARIOS[name], parameters, backend=backend, wrap=wrap)
    assert (report.errors, report.violations) == ({}, set())
    assert set(report.values["answer"]) == known or (backend == "threads" and not known)


@pytest.mark.parametrize("primitive", ["lock", "semaphore"])
@pytest.mark.parametrize("first", ["release", "cancel"])
def test_handover_survives_cancel(run_roles, backend, primitive, first):
    """On no runtime a lock is lost with the waiter that is cancelled."""
    report = run_roles(SCENARIOS["handover-survives-cancel"], {"primitive": primitive, "first": first}, backend=backend)
    assert (report.errors, set(report.values["answer"])) == ({}, {lock.HANDED_ON})


@pytest.mark.parametrize("primitive", ["lock", "semaphore"])
def test_waiter_starves_on_threads(run_roles, primitive):
    """Of 20 turns the owner takes most on threads: a release hands nothing over."""
    report = run_roles(SCENARIOS["waiter-gets-a-turn"], {"primitive": primitive}, backend="threads")
    assert max(report.values["turns of the owner before the waiter's"]) > 1
    assert set(report.values["answer"]) & {lock.STARVES, lock.LATE}


class LetsBarge(Lock):
    """A release hands nothing over: who asks first has the lock, and the waiter looks again a turn later."""

    held = False

    async def acquire(self):
        """Look at it once a turn."""
        while self.held:
            await self.healthy.checkpoint()
        self.held = True

    async def release(self):
        """Let whoever looks next have it."""
        self.held = False

    def locked(self):
        """Return whether it is held."""
        return self.held


class WakesInReverse(Lock):
    """The last to come is the first to be served."""

    held = False

    def __init__(self, inner, runtime):
        super().__init__(inner, runtime)
        self.waiting = []

    async def acquire(self):
        """Wait for an event of its own."""
        if self.held:
            self.waiting.append(self.healthy.create_event())
            await self.waiting[-1].wait()
        self.held = True

    async def release(self):
        """Wake the last."""
        if self.waiting:
            await self.waiting.pop().set()
        else:
            self.held = False


@pytest.mark.parametrize(
    ("name", "saboteur", "answer"),
    [
        ("waiter-gets-a-turn", LetsBarge, lock.STARVES),
        ("order-of-waiters", WakesInReverse, lock.ANOTHER_ORDER),
    ],
)
def test_other_policy_is_seen(run_roles, name, saboteur, answer):
    """A lock with another policy, which is nobody's fault, gives another answer."""
    report = run_roles(SCENARIOS[name], {"repetitions": 1}, wrap={"main": sabotage(saboteur)})
    assert (report["answer"], report.violations) == (answer, set())


@pytest.mark.parametrize(("name", "fault", "answer"), SABOTEURS)
def test_broken_contract_is_seen(run_roles, name, fault, answer):
    """A healthy runtime that breaks one thing gives the forbidden answer."""
    report = run_roles(SCENARIOS[name], {}, wrap={"main": FAULTS[fault].runtime})
    assert (report["answer"], report.violations) == (answer, {"answer"})


@pytest.mark.parametrize(("name", "fault"), HANGING_SABOTEURS)
def test_lost_wake_up_is_seen(run_roles, name, fault):
    """A healthy runtime that loses a wake-up makes a trial that never ends."""
    report = run_roles(SCENARIOS[name], {"repetitions": 1}, wrap=impatient(FAULTS[fault].runtime))
    assert (report["answer"], report.violations) == (NEVER_ENDS, {"answer"})
