"""locks: tasks contend for a mutex, a semaphore, a condition, or a lock for many readers or one writer.

Question: what does an acquisition cost under contention, and does the primitive keep its promises?

Contract: never are more holders inside than there are permits; no wake-up is lost, so that every acquisition that was
asked for happens (else the cell hangs); a value that is only changed inside loses no update; no waiter starves while
the others have work to do outside.

`kind` is the primitive that the tasks contend for:

- `mutex`: a lock.
- `semaphore`: a semaphore with `permits` permits.
- `condition`: half of the tasks put tokens under the lock of a condition and notify one waiter, if there is one, with
  some work between; the others wait for a token and take it.
- `readers-writer`: built on a condition, as the contract has no such lock: one task in four writes, and a writer that
  waits goes first.

A holder yields `hold` times while it is inside, so that others do ask meanwhile. Tasks append to one list when they
ask, enter and leave; holders that overlapped and tasks that overtook others are found in that log afterwards.

One pass warms up, three are measured; in them a task asks again at once, which shows whether a release hands over to
a waiter. Where it does not, the other tasks may starve without breaking the contract. Starvation is therefore tested
in a separate pass, in which the tasks yield outside too. All passes are checked.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter_ns
from typing import Any

from harness.api import (
    Condition,
    Judge,
    Parameter,
    Probe,
    Runtime,
    Scenario,
    TaskGroup,
    Value,
    allowed,
    bounded,
    info,
    interesting,
    metric,
    outcomes,
)
from harness_scenarios.parts.affinity import CPUS
from harness_scenarios.parts.lock_log import Account, make_codes, read_log
from harness_scenarios.parts.posix import keep_to_cpus

_MEASURED_PASSES = 3
_BATCH = 25
"""Acquisitions of a task between two reports of progress."""
_OUTSIDE_YIELDS = 5
"""Work outside. Measured on threads: without it a waiter waits for 1,799 of the 1,800 turns of the others, beside five
yields for 171 of 900 at most. Not more, as beside busy processes each yield of a thread may cost it some ms."""
_TURNS_WITH_WORK_OUTSIDE = 60
_FAIR_ROUNDS = 5
"""In turn a waiter waits for one acquisition of each task; it has not starved before it waited for as many rounds."""
_STARVATION_TRIALS = 3
"""One starves if it does each time: now and then the system keeps a thread from the CPU, whatever the lock does."""
_TASKS_PER_WRITER = 4

IN_TURN = "is handed it in turn"
OVERTAKEN = "is overtaken by who asks later"

_Step = Callable[[], Awaitable[object]]


async def main(runtime: Runtime, probe: Probe) -> None:
    """Let the tasks contend: once to warm up, then timed, then with work outside."""
    probe.observe("CPUs", keep_to_cpus(probe.parameters["cpus"]))
    kind = _KINDS[probe.parameters["kind"]]
    for number in range(1 + _MEASURED_PASSES):
        crew = kind(runtime, probe, turns=probe.parameters["acquisitions"])
        duration_ns = await crew.run()
        account = crew.report()
        if number:
            probe.observe("ns per acquisition", duration_ns / crew.acquisitions)
            if crew.turns_matter:
                _report_waiting(probe, account, crew.capacity)
    if kind.turns_matter:
        await _look_for_starvation(runtime, probe, kind)


def _report_waiting(probe: Probe, account: Account, capacity: int) -> None:
    most_overtaken = max(account.overtaken, default=0)
    # As many as there are permits may be let in in one turn, and then come in any order.
    probe.observe("a waiter", OVERTAKEN if most_overtaken >= capacity else IN_TURN)
    probe.observe("most overtaken", most_overtaken)
    probe.observe("longest wait", max(account.waits, default=0))


async def _look_for_starvation(runtime: Runtime, probe: Probe, kind: type[_Crew]) -> None:
    turns = min(_TURNS_WITH_WORK_OUTSIDE, probe.parameters["acquisitions"])
    starved: list[int] = []
    longest: list[int] = []
    while len(starved) < _STARVATION_TRIALS and 0 not in starved:
        crew = kind(runtime, probe, turns=turns, outside=_OUTSIDE_YIELDS)
        await crew.run()
        account = crew.report()
        starved.append(sum(wait > crew.long_wait for wait in account.waits))
        longest.append(max(account.waits, default=0))
    probe.observe("waiters that starved", min(starved))
    probe.observe("longest wait beside work outside", min(longest))


class _Crew(ABC):
    """The tasks of one pass and the primitive that they contend for.

    A task enters the log after it was let in and leaves it before it lets others in, so that a task that is inside by
    the log is really inside. `append` is atomic on every runtime, also on threads.
    """

    capacity = 1
    """How much may be inside; each task has a weight."""
    turns_matter = True
    """Whether every waiter waits for the same thing, so that a long wait is the primitive's doing."""

    def __init__(self, runtime: Runtime, probe: Probe, *, turns: int, outside: int = 0) -> None:
        parameters: Mapping[str, Any] = probe.parameters
        self._runtime = runtime
        self._probe = probe
        self._hold: int = parameters["hold"]
        self._permits: int = parameters["permits"]
        self._turns = turns
        self._outside = outside
        self._tasks = self._round_tasks(parameters["tasks"])
        self.acquisitions = self._tasks * turns
        self._gate = runtime.create_event()
        self._log: list[int] = []
        self._done = [0] * self._tasks
        self._value = 0

    def _round_tasks(self, tasks: int) -> int:
        return tasks

    async def run(self) -> int:
        """Let every task have its turns and return the time it took, in ns.

        They begin together: on threads the first would else be done before the last is started.
        """
        async with self._runtime.open_task_group() as group:
            await self._start(group)
            start_ns = perf_counter_ns()
            await self._gate.set()
        return perf_counter_ns() - start_ns

    @abstractmethod
    async def _start(self, group: TaskGroup) -> None:
        """Start the tasks, which wait for the gate."""

    async def _contend(self, index: int, acquire: _Step, release: _Step) -> None:
        log = self._log.append
        ask, enter, leave = make_codes(index)
        await self._gate.wait()
        for turn in range(self._turns):
            log(ask)
            await acquire()
            log(enter)
            await self._stay(index)
            log(leave)
            await release()
            self._count(index, turn)
            await self._yield_times(self._outside)

    async def _stay(self, index: int) -> None:
        """Change the guarded value, in a way that loses an update if another task changes it too."""
        del index
        value = self._value
        await self._yield_times(self._hold)
        self._value = value + 1

    async def _yield_times(self, times: int) -> None:
        for _ in range(times):
            await self._runtime.checkpoint()

    def _count(self, index: int, turn: int) -> None:
        self._done[index] += 1
        if turn % _BATCH == 0:
            self._probe.advance(_BATCH)

    def _weigh(self, index: int) -> int:
        del index
        return 1

    def _expected_value(self) -> int | None:
        return self.acquisitions

    @property
    def long_wait(self) -> int:
        """Acquisitions by other tasks that count as starvation of a waiter: half of all, and at least some rounds."""
        return max(_FAIR_ROUNDS * self._tasks, (self._tasks - 1) * self._turns // 2)

    def report(self) -> Account:
        """Observe the violations that the log shows, and return the evaluated log."""
        observe, account = self._probe.observe, read_log(self._log, self._weigh)
        observe("acquisitions missing", self.acquisitions - sum(self._done))
        observe("holders above the permits", max(0, account.heaviest - self.capacity))
        observe("most holders at once", account.most_holders)
        if (expected := self._expected_value()) is not None:
            observe("updates lost", expected - self._value)
        return account


class _MutexCrew(_Crew):
    """Tasks that contend for a lock."""

    async def _start(self, group: TaskGroup) -> None:
        lock = self._runtime.create_lock()
        for index in range(self._tasks):
            await group.spawn(self._contend, index, lock.acquire, lock.release)


class _SemaphoreCrew(_Crew):
    """Tasks that contend for the permits of a semaphore."""

    async def _start(self, group: TaskGroup) -> None:
        self.capacity = self._permits
        semaphore = self._runtime.create_semaphore(self._permits)
        for index in range(self._tasks):
            await group.spawn(self._contend, index, semaphore.acquire, semaphore.release)

    async def _stay(self, index: int) -> None:
        del index
        await self._yield_times(self._hold)

    def _expected_value(self) -> int | None:
        return None  # several may be inside, so nothing is guarded


class _ConditionCrew(_Crew):
    """Tasks that put tokens and tasks that wait for them; the value is the number of tokens."""

    turns_matter = False
    _unnotified = 0
    _waits = 0

    def _round_tasks(self, tasks: int) -> int:
        return max(2, tasks - tasks % 2)

    async def _start(self, group: TaskGroup) -> None:
        condition = self._runtime.create_condition()
        for index in range(self._tasks):
            await group.spawn(self._put if index % 2 else self._take, index, condition)

    async def _put(self, index: int, condition: Condition) -> None:
        log = self._log.append
        ask, enter, leave = make_codes(index)
        await self._gate.wait()
        for turn in range(self._turns):
            log(ask)
            await condition.acquire()
            log(enter)
            await self._change(+1)
            # No notification without a waiter: it ends the kernel of curio 1.6, which another question covers.
            if self._unnotified:
                self._unnotified -= 1
                await condition.notify()
            log(leave)
            await condition.release()
            self._count(index, turn)
            await self._yield_times(self._tasks)  # else a token is there before the first waiter

    async def _take(self, index: int, condition: Condition) -> None:
        log = self._log.append
        ask, enter, leave = make_codes(index)
        await self._gate.wait()
        for turn in range(self._turns):
            log(ask)
            await condition.acquire()
            log(enter)
            while not self._value:
                self._unnotified += 1
                self._waits += 1
                log(leave)
                await condition.wait()
                log(enter)
            await self._change(-1)
            log(leave)
            await condition.release()
            self._count(index, turn)

    async def _change(self, tokens: int) -> None:
        value = self._value
        await self._yield_times(self._hold)
        self._value = value + tokens

    def _expected_value(self) -> int | None:
        return 0

    def report(self) -> Account:
        """Observe also how many did wait, which is what makes the row worth its name."""
        self._probe.observe("acquisitions that waited for a notification", self._waits / self.acquisitions * 100)
        return super().report()


class _ReadersWriterCrew(_Crew):
    """Readers that may be inside together and writers that may not; a writer weighs as much as all tasks."""

    turns_matter = False

    async def _start(self, group: TaskGroup) -> None:
        self.capacity = self._tasks
        room = _Room(self._runtime.create_condition())
        for index in range(self._tasks):
            if self._writes(index):
                await group.spawn(self._contend, index, room.enter_to_write, room.leave_written)
            else:
                await group.spawn(self._contend, index, room.enter_to_read, room.leave_read)

    def _writes(self, index: int) -> bool:
        return index % _TASKS_PER_WRITER == 0

    async def _stay(self, index: int) -> None:
        if self._writes(index):
            await super()._stay(index)
        else:
            await self._yield_times(self._hold)

    def _weigh(self, index: int) -> int:
        return self.capacity if self._writes(index) else 1

    def _expected_value(self) -> int | None:
        return self._turns * sum(map(self._writes, range(self._tasks)))


class _Room:
    """A lock for many readers or one writer, on a condition. A writer that waits keeps new readers out."""

    def __init__(self, condition: Condition) -> None:
        self._condition = condition
        self._readers = 0
        self._writing = False
        self._writers_waiting = 0
        self._waiting = 0

    async def enter_to_read(self) -> None:
        """Wait until no task writes or waits to write."""
        async with self._condition:
            while self._writing or self._writers_waiting:
                await self._wait()
            self._readers += 1

    async def leave_read(self) -> None:
        """Let a writer in behind the last reader."""
        async with self._condition:
            self._readers -= 1
            if not self._readers:
                await self._wake_all()

    async def enter_to_write(self) -> None:
        """Wait until no task is inside."""
        async with self._condition:
            self._writers_waiting += 1
            while self._writing or self._readers:
                await self._wait()
            self._writers_waiting -= 1
            self._writing = True

    async def leave_written(self) -> None:
        """Let others in."""
        async with self._condition:
            self._writing = False
            await self._wake_all()

    async def _wait(self) -> None:
        self._waiting += 1
        await self._condition.wait()

    async def _wake_all(self) -> None:
        if self._waiting:
            self._waiting = 0
            await self._condition.notify_all()


# --- declaration ---

_KINDS: dict[str, type[_Crew]] = {
    "mutex": _MutexCrew,
    "semaphore": _SemaphoreCrew,
    "condition": _ConditionCrew,
    "readers-writer": _ReadersWriterCrew,
}

_JUDGES: dict[str, Judge] = {
    "ns per acquisition": metric("ns"),
    "holders above the permits": bounded(
        at_most=0,
        reason="at most as many tasks are inside as there are permits; a writer is alone; after a wait on a condition "
        "its lock is held again",
    ),
    "most holders at once": info("tasks"),
    "acquisitions missing": bounded(at_most=0, reason="who asks gets in, because each release lets a waiter in"),
    "updates lost": bounded(
        at_least=0, at_most=0, reason="what only one task at a time may change loses no update and makes none up"
    ),
    "a waiter": outcomes(
        {
            IN_TURN: allowed("who waits longest is next, also where the owner asks again at once"),
            OVERTAKEN: interesting(
                "a release wakes a waiter and gives it nothing: who asks at once has it before the waiter runs",
                "BEHAVIOURS L03, bpo-45997",
            ),
        }
    ),
    "most overtaken": info("acquisitions by who asked later"),
    "longest wait": info("acquisitions by others"),
    "waiters that starved": bounded(
        at_most=0, reason="where the others have work outside, a waiter gets in before they had half of their turns"
    ),
    "acquisitions that waited for a notification": info("%"),
    "longest wait beside work outside": info("acquisitions by others"),
    "CPUs": info(),
}

_PARAMETERS = (
    Parameter(name="kind", default="mutex", summary="primitive that the tasks contend for", choices=tuple(_KINDS)),
    Parameter(
        name="tasks", default=10, summary="tasks that contend; for a condition half of them put, rounded", at_least=1
    ),
    Parameter(name="acquisitions", default=100, summary="acquisitions of each task", at_least=1),
    Parameter(name="hold", default=1, summary="yields of a holder while it is inside", at_least=0),
    Parameter(name="permits", default=3, summary="permits of the semaphore", at_least=1),
    CPUS,
)


def _rows(**assigned: Value) -> tuple[dict[str, Value], ...]:
    return tuple({"kind": kind, **assigned} for kind in _KINDS)


locks = Scenario(
    name="locks",
    question="What does an acquisition cost under contention, and does the primitive keep its promises?",
    contract=(
        "Never are more holders inside than there are permits; a writer is alone.",
        "No wake-up is lost: every acquisition that was asked for happens.",
        "State that is changed only under the lock loses no update.",
        "No waiter starves while the others have work outside; where they ask again at once, overtaking is shown.",
    ),
    ref="harness_scenarios.load.locks:locks",
    roles={"main": main},
    parameters=_PARAMETERS,
    judges=_JUDGES,
    headline="ns per acquisition",
    rows={
        "quick": ({"kind": "mutex"}, {"kind": "condition"}),
        "default": (
            {"kind": "mutex"},
            {"kind": "mutex", "cpus": 1},
            {"kind": "semaphore"},
            {"kind": "condition"},
            {"kind": "readers-writer"},
        ),
        "thorough": (
            *_rows(acquisitions=1000),
            *_rows(acquisitions=1000, hold=10),
            *_rows(acquisitions=50, tasks=100),
            *_rows(acquisitions=1000, cpus=1),
        ),
    },
    cpu_bound=True,
    work="acquisitions",
    timeout=120.0,
    hang_after=10.0,
    summary="tasks contend for a mutex, a semaphore, a condition, or a lock for many readers or one writer",
    catches=("lock-open",),
)
