"""Order of acquisition of a lock, the right to release it, and the fate of a lock that is never released.

A task is known to wait by construction: it sets an event and waits without a turn in between, and others give it
turns. On threads it may still be on its way, which changes no answer that is forbidden.
"""

from __future__ import annotations

from harness.api import (
    CancelScope,
    Capability,
    Event,
    Lock,
    Parameter,
    Runtime,
    Scenario,
    Semaphore,
    allowed,
    forbidden,
    grid,
    info,
    interesting,
)

from .fairness_turns import RETURNS, attempt, give_turns
from .lock_condition import SCENARIOS as CONDITION_SCENARIOS
from .question import NEVER_ENDS, Trial, make_question

_BOTH_DOCUMENTED = "both are documented or undefined"
_TRIO_LOCK = "https://trio.readthedocs.io/en/stable/reference-core.html#trio.Lock"
_THREADS_LOCK = "https://docs.python.org/3/library/threading.html#lock-objects"
_ASYNCIO_LOCK = "https://docs.python.org/3/library/asyncio-sync.html#asyncio.Lock"
_ABANDONED = "https://github.com/python-trio/trio/issues/3035"
_HANG_SECONDS = 1.0
"""Limit of a trial that hangs on most runtimes; where it does not, the answer is there at once."""

_PRIMITIVE = Parameter(
    name="primitive", default="lock", summary="primitive that the tasks wait for", choices=("lock", "semaphore")
)
_PRIMITIVES = {"quick": grid(primitive=("lock", "semaphore"))}


def _create(runtime: Runtime, trial: Trial) -> Lock | Semaphore:
    return runtime.create_lock() if trial.parameters["primitive"] == "lock" else runtime.create_semaphore(1)


# --- handed over to a task that is cancelled ---

HANDED_ON = "the next waiter gets it"


async def _cancel_as_it_is_handed_over(runtime: Runtime, trial: Trial) -> str:
    primitive = _create(runtime, trial)
    scopes: list[CancelScope] = []

    async def take(name: str, waits: Event) -> None:
        async with runtime.open_cancel_scope() as scope:
            scopes.append(scope)
            trial.step(name, "waits")
            await waits.set()
            await primitive.acquire()
            trial.step(name, "gets it")
            await primitive.release()

    await primitive.acquire()
    async with runtime.open_task_group() as group:
        for name in ("first", "second"):
            waits = runtime.create_event()
            await group.spawn(take, name, waits)
            await waits.wait()
        await give_turns(runtime)
        calls = [primitive.release, scopes[0].cancel]
        trial.step("owner", f"in one turn: {trial.parameters['first']} first")
        for call in calls if trial.parameters["first"] == "release" else reversed(calls):
            await call()
    return HANDED_ON


handover_survives_cancel = make_question(
    _cancel_as_it_is_handed_over,
    name="lock.handover-survives-cancel",
    question="A waiter is cancelled in the turn in which it is handed the lock: does the next waiter get it?",
    contract=("A lock that is released while a task waits for it is taken.",),
    ref="harness_scenarios.behaviours.lock:handover_survives_cancel",
    answers={
        HANDED_ON: allowed("a waiter that is cancelled hands the lock on"),
        NEVER_ENDS: forbidden(
            "the wake-up is lost: the next waiter sleeps for ever beside a free lock",
            "https://github.com/python/cpython/issues/90155 (bpo-45997)",
        ),
    },
    parameters=(
        _PRIMITIVE,
        Parameter(
            name="first", default="release", summary="what happens first in that turn", choices=("release", "cancel")
        ),
    ),
    rows={"quick": grid(primitive=("lock", "semaphore"), first=("release", "cancel"))},
    requires=(Capability.CANCEL_SCOPE,),
    catches=("lock-lost-with-its-waiter",),
)


# --- the order of waiters ---

IN_ORDER = "in the order in which they came"
ANOTHER_ORDER = "in another order"
_WAITERS = 5


async def _queue_up(runtime: Runtime, trial: Trial) -> str:
    primitive = _create(runtime, trial)
    order: list[int] = []

    async def take(number: int, waits: Event) -> None:
        await waits.set()
        await primitive.acquire()
        order.append(number)
        trial.step("waiters", f"number {number} has it")
        await primitive.release()

    await primitive.acquire()
    async with runtime.open_task_group() as group:
        for number in range(_WAITERS):
            waits = runtime.create_event()
            await group.spawn(take, number, waits)
            await waits.wait()
            await give_turns(runtime)
        trial.step("owner", "releases")
        await primitive.release()
    return IN_ORDER if order == sorted(order) else ANOTHER_ORDER


order_of_waiters = make_question(
    _queue_up,
    name="lock.order-of-waiters",
    question="In which order do those who wait get it?",
    contract=("Each of them gets it.",),
    ref="harness_scenarios.behaviours.lock:order_of_waiters",
    answers={
        IN_ORDER: allowed("first come, first served", _TRIO_LOCK),
        ANOTHER_ORDER: interesting("which of the waiters goes on is not defined", _THREADS_LOCK),
        NEVER_ENDS: forbidden("each release wakes one"),
    },
    parameters=(_PRIMITIVE,),
    rows=_PRIMITIVES,
    catches=("lock-never-released",),
)


# --- released and taken again ---

NEXT_TURN = "the waiter gets the next turn"
LATE = "the waiter is overtaken several times"
STARVES = "the waiter starves"
_MOST_TURNS = 20


async def _release_and_take_again(runtime: Runtime, trial: Trial) -> str:
    primitive = _create(runtime, trial)
    waits = runtime.create_event()
    turns: list[int] = []
    served: list[int] = []

    async def wait() -> None:
        trial.step("waiter", "waits")
        await waits.set()
        await primitive.acquire()
        served.append(len(turns))
        trial.step("waiter", "gets it")
        await primitive.release()

    await primitive.acquire()
    async with runtime.open_task_group() as group:
        await group.spawn(wait)
        await waits.wait()
        await give_turns(runtime)
        while len(turns) < _MOST_TURNS and not served:
            turns.append(len(turns))
            await primitive.release()
            await primitive.acquire()
            await give_turns(runtime, 3)
        trial.step("owner", "ends")
        await primitive.release()
    trial.observe("turns of the owner before the waiter's", served[0])
    return {1: NEXT_TURN, _MOST_TURNS: STARVES}.get(served[0], LATE)


waiter_gets_a_turn = make_question(
    _release_and_take_again,
    name="lock.waiter-gets-a-turn",
    question="The owner releases and takes again in a loop of 20 turns: when does the one that waits get it?",
    contract=("It gets it when the owner has ended.",),
    ref="harness_scenarios.behaviours.lock:waiter_gets_a_turn",
    answers={
        NEXT_TURN: allowed("a release hands over to who waits", _ASYNCIO_LOCK),
        LATE: interesting("a release wakes the waiter and hands nothing over: who asks first has it", _THREADS_LOCK),
        STARVES: interesting(
            "a release wakes the waiter and hands nothing over: the owner is always faster",
            "https://github.com/python/cpython/issues/90155 (bpo-45997: asyncio.Semaphore)",
        ),
        NEVER_ENDS: forbidden("a release wakes a waiter"),
    },
    repetitions=5,
    judges={"turns of the owner before the waiter's": info("turns")},
    parameters=(_PRIMITIVE,),
    rows=_PRIMITIVES,
)


# --- who may release ---

RELEASED = "the lock is released"
REFUSED = "an error, and the lock is still held"


async def _release_for_another(runtime: Runtime, trial: Trial) -> str:
    lock = runtime.create_lock()
    outcomes: list[str] = []

    async def release() -> None:
        outcomes.append(await attempt(runtime, lock.release))
        trial.step("another task", f"releases: {outcomes[0]}")

    await lock.acquire()
    async with runtime.open_task_group() as group:
        await group.spawn(release)
    held = lock.locked()
    if held:
        await lock.release()
    return _released_or_refused(outcomes[0], held=held)


def _released_or_refused(outcome: str, *, held: bool) -> str:
    if (outcome == RETURNS) == held:
        return f"{outcome}, and the lock is {'held' if held else 'free'}"
    return REFUSED if held else RELEASED


release_by_another_task = make_question(
    _release_for_another,
    name="lock.release-by-another-task",
    question="A task releases a lock that another task holds: what happens?",
    contract=("An error changes nothing; success releases the lock.",),
    ref="harness_scenarios.behaviours.lock:release_by_another_task",
    answers={
        RELEASED: allowed(f"a lock has no owner; {_BOTH_DOCUMENTED}", _THREADS_LOCK),
        REFUSED: interesting(f"a lock belongs to the task that took it; {_BOTH_DOCUMENTED}", _TRIO_LOCK),
    },
    repetitions=1,
    catches=("lock-never-released",),
)


AN_ERROR = "an error"
NOTHING = "nothing"


async def _release_free(runtime: Runtime, trial: Trial) -> str:
    lock = runtime.create_lock()
    outcome = await attempt(runtime, lock.release)
    trial.step("task", f"releases a free lock: {outcome}")
    trial.observe("the error", outcome)
    return NOTHING if outcome == RETURNS else AN_ERROR


release_free = make_question(
    _release_free,
    name="lock.release-free",
    question="What does the release of a free lock do?",
    contract=(),
    ref="harness_scenarios.behaviours.lock:release_free",
    answers={
        AN_ERROR: allowed("a release of a free lock is an error of the program, and is reported", _THREADS_LOCK),
        NOTHING: interesting("a mistake of the program stays hidden"),
    },
    repetitions=1,
    judges={"the error": info()},
)


# --- locks that are never released ---

AT_ONCE = "an error at once"
TAKEN_TWICE = "the lock is taken twice"


async def _take_twice(runtime: Runtime, trial: Trial) -> str:
    lock = runtime.create_lock()
    await lock.acquire()
    trial.step("task", "has the lock and takes it again")
    outcome = await attempt(runtime, lock.acquire)
    trial.step("task", f"the second time: {outcome}")
    await lock.release()
    return TAKEN_TWICE if outcome == RETURNS else AT_ONCE


re_entry = make_question(
    _take_twice,
    name="lock.re-entry",
    question="A task takes a lock that it holds: an error at once, or does it wait for itself?",
    contract=("A lock is not taken twice.",),
    ref="harness_scenarios.behaviours.lock:re_entry",
    answers={
        AT_ONCE: allowed(f"a lock belongs to the task that took it; {_BOTH_DOCUMENTED}", _TRIO_LOCK),
        NEVER_ENDS: interesting(f"the task waits for itself for ever; {_BOTH_DOCUMENTED}", _THREADS_LOCK),
        TAKEN_TWICE: forbidden("the lock is not re-entrant", _THREADS_LOCK),
    },
    repetitions=1,
    seconds=_HANG_SECONDS,
    catches=("lock-open",),
)


ABANDONED = "the waiter gets an error"
INHERITED = "the waiter gets the lock"


async def _end_without_releasing(runtime: Runtime, trial: Trial) -> str:
    lock = runtime.create_lock()
    takes = runtime.create_event()

    async def take() -> None:
        await lock.acquire()
        trial.step("owner", "has the lock")
        await takes.set()
        await give_turns(runtime)
        trial.step("owner", "ends and releases nothing")

    async with runtime.open_task_group() as group:
        await group.spawn(take)
        await takes.wait()
        if trial.parameters["waits"] == "before":
            trial.step("waiter", "waits")
            return _say_what_it_got(trial, await attempt(runtime, lock.acquire))
    trial.step("waiter", "waits")
    return _say_what_it_got(trial, await attempt(runtime, lock.acquire))


def _say_what_it_got(trial: Trial, outcome: str) -> str:
    trial.step("waiter", f"is woken: {outcome}")
    return INHERITED if outcome == RETURNS else ABANDONED


owner_ends = make_question(
    _end_without_releasing,
    name="lock.owner-ends",
    question="A task ends without releasing its lock: what becomes of the one that waits for it?",
    contract=("A lock that was not released is not taken.",),
    ref="harness_scenarios.behaviours.lock:owner_ends",
    answers={
        ABANDONED: allowed("a lock belongs to a task, and no other task can release it", _ABANDONED),
        NEVER_ENDS: interesting("a lock has no owner: any task may still release it, and none does", _ABANDONED),
        INHERITED: forbidden("the state that the lock guards may be half changed", _ABANDONED),
    },
    repetitions=1,
    parameters=(
        Parameter(
            name="waits",
            default="before",
            summary="when the waiter asks: before or after the end",
            choices=("before", "after"),
        ),
    ),
    rows={"thorough": grid(waits=("before", "after"))},
    seconds=_HANG_SECONDS,
    catches=("lock-open",),
    screening=False,
)


DETECTED = "an error for one of them"


async def _take_in_opposite_order(runtime: Runtime, trial: Trial) -> str:
    one, other = runtime.create_lock(), runtime.create_lock()
    holds = runtime.create_event(), runtime.create_event()
    outcomes: list[str] = []

    async def take_both(number: int, first: Lock, second: Lock) -> None:
        name = f"task {number}"
        await first.acquire()
        trial.step(name, "has its first lock")
        await holds[number].set()
        await holds[1 - number].wait()
        trial.step(name, "waits for the lock of the other")
        outcomes.append(await attempt(runtime, second.acquire))
        trial.step(name, outcomes[-1])
        if outcomes[-1] == RETURNS:
            await second.release()
        await first.release()

    async with runtime.open_task_group() as group:
        await group.spawn(take_both, 0, one, other)
        await group.spawn(take_both, 1, other, one)
    return TAKEN_TWICE if outcomes == [RETURNS, RETURNS] else DETECTED


order_inversion = make_question(
    _take_in_opposite_order,
    name="lock.order-inversion",
    question="Two tasks take two locks in opposite order: is the deadlock detected?",
    contract=("A lock is held by one task.",),
    ref="harness_scenarios.behaviours.lock:order_inversion",
    answers={
        NEVER_ENDS: allowed("a deadlock: the order of locks is not checked", _THREADS_LOCK),
        DETECTED: interesting("the runtime notices a deadlock"),
        TAKEN_TWICE: forbidden("a lock is held by one task"),
    },
    repetitions=1,
    seconds=_HANG_SECONDS,
    catches=("lock-open",),
)


SCENARIOS: tuple[Scenario, ...] = (
    handover_survives_cancel,
    order_of_waiters,
    waiter_gets_a_turn,
    release_by_another_task,
    release_free,
    re_entry,
    owner_ends,
    order_inversion,
    *CONDITION_SCENARIOS,
)
