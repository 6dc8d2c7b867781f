"""A primitive that lets too many in, loses a wake-up or lets a waiter starve is seen."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest

from harness.testing.wrapping import Wrapped
from harness_saboteurs import FAULTS
from harness_scenarios.load import locks as module
from harness_scenarios.load.locks import IN_TURN, OVERTAKEN, locks
from harness_scenarios.parts.lock_log import make_codes, read_log

KINDS = ("mutex", "semaphore", "condition", "readers-writer")
SMALL = {"acquisitions": 30, "tasks": 8}
_HUNG_SECONDS = 0.3


class Primitive(Wrapped):
    """A primitive that is another one but for what a subclass breaks."""

    async def __aenter__(self):
        await self.acquire()

    async def __aexit__(self, *exc):
        await self.release()


def sabotage(**makers):
    """Return a wrapping of the runtime whose methods of these names return `maker(inner)(*args)`."""

    class Sabotaged(Wrapped):
        def __getattr__(self, name):
            return makers[name](self.inner) if name in makers else getattr(self.inner, name)

    return {"main": Sabotaged}


# --- healthy ---


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_keeps_its_promises_on_each_backend(run_roles, backend, kind):
    """All that was asked for happened, and it is said how the waiters fared where they wait for one thing."""
    report = run_roles(locks, {**SMALL, "kind": kind}, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    assert len(report.values["ns per acquisition"]) == 3
    assert min(report.values["ns per acquisition"]) > 0
    assert set(report.values["acquisitions missing"]) == {0}
    assert ("a waiter" in report) == ("waiters that starved" in report) == (kind in ("mutex", "semaphore"))
    assert report.progress["main"] > 0
    if kind == "condition":
        assert min(report.values["acquisitions that waited for a notification"]) > 0


@pytest.mark.parametrize("backend_name", ["asyncio", "trio"])
@pytest.mark.parametrize("kind", ["mutex", "semaphore"])
def test_waiters_are_served_in_turn(run_roles, kind, backend_name):
    """Each waits for all the others once, and not more, even if the owner asks again at once."""
    pytest.importorskip(f"harness_{backend_name}.backend")
    report = run_roles(locks, {**SMALL, "kind": kind}, backend=backend_name)
    assert set(report.values["a waiter"]) == {IN_TURN}
    assert max(report.values["longest wait"]) < 2 * SMALL["tasks"]


@pytest.mark.parametrize(("kind", "holders"), [("mutex", 1), ("semaphore", 3), ("condition", 1), ("readers-writer", 6)])
def test_as_many_are_inside_as_may_be(run_roles, kind, holders):
    """The tasks do contend: the room is full at times. Of eight tasks six read."""
    report = run_roles(locks, {**SMALL, "kind": kind, "hold": 2})
    assert set(report.values["most holders at once"]) == {holders}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("parameters", [{"tasks": 1, "acquisitions": 1}, {"tasks": 3, "hold": 0, "permits": 1}])
def test_few_tasks(run_roles, kind, parameters):
    """There are as many as can be; a condition has one on each side at least."""
    report = run_roles(locks, {"acquisitions": 20, **parameters, "kind": kind})
    assert (report.errors, report.violations) == ({}, set())


def test_one_cpu(run_roles):
    """The role keeps to it, and says so where the system does."""
    report = run_roles(locks, {**SMALL, "cpus": 1})
    assert report["CPUs"] in (1, None)


# --- the log ---


def test_the_log_tells_who_was_inside_and_who_waited():
    """Task 1 asks while 0 is inside and is overtaken once, by 2; 0 comes back without having asked."""
    ask, enter, leave = zip(*(make_codes(index) for index in range(3)), strict=True)
    log = [ask[0], enter[0], ask[1], ask[2], leave[0], enter[2], enter[0], leave[0], leave[2], enter[1], leave[1]]
    account = read_log(log, lambda index: 10 if index == 0 else 1)
    assert (account.heaviest, account.most_holders) == (11, 2)
    assert account.waits == (0, 0, 2)
    assert account.overtaken == (0, 0, 1)


# --- saboteurs: mutual exclusion ---


def test_a_lock_that_lets_everybody_in(run_roles):
    """Two are inside, and overwrite what the other wrote."""
    report = run_roles(locks, {**SMALL, "kind": "mutex"}, wrap={"main": FAULTS["lock-open"].runtime})
    assert (report.errors, report.violations) == ({}, {"holders above the permits", "updates lost"})


def test_a_lock_that_once_lets_two_in(run_roles):
    """Once in all the passes is enough."""

    class LeakingLock(Primitive):
        asked = 0

        async def acquire(self):
            LeakingLock.asked += 1
            self.leaked = LeakingLock.asked == 50
            if not self.leaked:
                await self.inner.acquire()

        async def release(self):
            if self.inner.locked():
                await self.inner.release()

    wrap = sabotage(create_lock=lambda inner: lambda: LeakingLock(inner.create_lock()))
    report = run_roles(locks, {**SMALL, "kind": "mutex"}, wrap=wrap)
    assert "holders above the permits" in report.violations


def test_a_semaphore_with_a_permit_too_many(run_roles):
    """There are four inside where three may be."""
    wrap = sabotage(create_semaphore=lambda inner: lambda permits: inner.create_semaphore(permits + 1))
    report = run_roles(locks, {**SMALL, "kind": "semaphore"}, wrap=wrap)
    assert (report.errors, report.violations) == ({}, {"holders above the permits"})
    assert set(report.values["holders above the permits"]) == {1}


class CarelessCondition(Primitive):
    """A condition whose waiters come back without the lock."""

    def __init__(self, inner):
        super().__init__(inner)
        self.without_lock = set()

    async def wait(self):
        """Wait, and give up the lock that was taken again."""
        await self.inner.wait()
        await self.inner.release()
        self.without_lock.add(asyncio.current_task())

    async def release(self):
        """Give up what is held."""
        if asyncio.current_task() in self.without_lock:
            self.without_lock.discard(asyncio.current_task())
        else:
            await self.inner.release()


@pytest.mark.parametrize("enter", ["enter_to_read", "enter_to_write"])
def test_a_room_that_lets_everybody_in(run_roles, monkeypatch, enter):
    """A writer is not alone, whoever it was that did not wait."""

    async def enter_at_once(self):
        self._readers += enter == "enter_to_read"

    monkeypatch.setattr(module._Room, enter, enter_at_once)
    report = run_roles(locks, {**SMALL, "kind": "readers-writer"})
    assert "holders above the permits" in report.violations


def test_a_wait_that_comes_back_without_the_lock(run_roles):
    """Who takes a token is not alone."""
    wrap = sabotage(create_condition=lambda inner: lambda: CarelessCondition(inner.create_condition()))
    report = run_roles(locks, {**SMALL, "kind": "condition", "hold": 3}, wrap=wrap)
    assert "holders above the permits" in report.violations


def test_a_task_that_never_runs(run_roles):
    """Its acquisitions are missing, and so are its updates."""

    class LosingGroup(Wrapped):
        spawned = 0

        async def __aenter__(self):
            self.group = await self.inner.__aenter__()
            return self

        async def __aexit__(self, *exc):
            return await self.inner.__aexit__(*exc)

        async def spawn(self, *call):
            self.spawned += 1
            if self.spawned != 3:
                await self.group.spawn(*call)

    wrap = sabotage(open_task_group=lambda inner: lambda: LosingGroup(inner.open_task_group()))
    report = run_roles(locks, {**SMALL, "kind": "mutex"}, wrap=wrap)
    assert (report.errors, report.violations) == ({}, {"acquisitions missing", "updates lost"})
    assert set(report.values["acquisitions missing"]) == {SMALL["acquisitions"]}


# --- saboteurs: wake-ups ---


class LosingPrimitive(Primitive):
    """A lock, semaphore or condition one of whose wake-ups, `lost`, does not happen."""

    def __init__(self, inner, lost):
        super().__init__(inner)
        self._lost = lost
        self._calls = 0

    def __getattr__(self, name):
        return self._lose if name == self._lost else getattr(self.inner, name)

    async def _lose(self):
        self._calls += 1
        if self._calls != 3:
            await getattr(self.inner, self._lost)()


@pytest.mark.parametrize(
    ("kind", "create", "lost"),
    [
        ("mutex", "create_lock", "release"),
        ("semaphore", "create_semaphore", "release"),
        ("condition", "create_condition", "notify"),
        ("readers-writer", "create_condition", "notify_all"),
    ],
)
@pytest.mark.parametrize("loses", [False, True])
def test_a_lost_wake_up_keeps_the_cell_from_its_end(run_roles, kind, create, lost, loses):
    """Progress stops and nothing is reported, which the harness calls a hang; without the fault the pass ends."""
    ends = []

    async def run(runtime, probe):
        async with runtime.move_on_after(_HUNG_SECONDS if loses else 30):
            await locks.main(runtime, probe)
            ends.append(True)

    def make(inner):
        return lambda *args: LosingPrimitive(getattr(inner, create)(*args), lost if loses else None)

    parameters = {**SMALL, "kind": kind, "permits": 1, "acquisitions": 100}
    report = run_roles(locks, parameters, wrap=sabotage(**{create: make}), roles={"main": run})
    assert report.errors == {}
    assert ends == ([] if loses else [True])
    assert ("acquisitions missing" in report) != loses


# --- saboteurs: turns ---


class QueueLock(Primitive):
    """A lock on asyncio that serves its waiters as a subclass says."""

    def __init__(self, inner):
        super().__init__(inner)
        self.held = False
        self.waiting = deque()

    async def acquire(self):
        """Take it if it is free, else wait until it is handed over."""
        if self.held:
            self.waiting.append(asyncio.get_running_loop().create_future())
            await self.waiting[-1]
        self.held = True

    async def release(self):
        """Hand it over."""
        if self.waiting:
            self.choose().set_result(None)
        else:
            self.held = False

    def choose(self):
        """Return who is next."""
        return self.waiting.popleft()


class StackLock(QueueLock):
    """Serves who came last."""

    def choose(self):
        """Return who came last."""
        return self.waiting.pop()


class BargingLock(QueueLock):
    """Wakes a waiter and gives it nothing, as `threading.Lock`."""

    async def acquire(self):
        """Take it as soon as it is found free."""
        while self.held:
            self.waiting.append(asyncio.get_running_loop().create_future())
            await self.waiting[-1]
        self.held = True

    async def release(self):
        """Wake one."""
        self.held = False
        if self.waiting:
            self.waiting.popleft().set_result(None)


@pytest.mark.parametrize(
    ("lock_class", "violations", "outcome"),
    [
        (QueueLock, set(), IN_TURN),
        (BargingLock, set(), OVERTAKEN),
        (StackLock, {"waiters that starved"}, OVERTAKEN),
    ],
)
def test_how_a_lock_serves_its_waiters(run_roles, lock_class, violations, outcome):
    """To overtake is legitimate and shown; to let somebody wait for half of all turns, beside work outside, is not."""
    wrap = sabotage(create_lock=lambda inner: lambda: lock_class(inner))
    report = run_roles(locks, {"kind": "mutex", "acquisitions": 100}, wrap=wrap)
    assert (report.errors, report.violations) == ({}, violations)
    assert set(report.values["a waiter"]) == {outcome}
