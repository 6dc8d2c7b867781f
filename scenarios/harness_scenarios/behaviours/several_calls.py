"""A call that is made several times, at once or one after the other, keeps its contract each time."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from itertools import product

from harness.api import (
    CancelScope,
    Capability,
    ErrorKind,
    Event,
    Harm,
    Lock,
    Runtime,
    Scenario,
    Semaphore,
    allowed,
    forbidden,
)

from .fairness_turns import FEW_TURNS, give_turns
from .positions import SIZES, list_positions
from .question import LONG_TRIAL_SECONDS, NEVER_ENDS, NOTED, Trial, make_question
from .stream_attempt import NEEDED, wait_patiently

_MODULE = "harness_scenarios.behaviours.several_calls"
_TIMES = 3
_SOON = 0.003

# --- deadlines ---

EACH_PASSES = "each deadline ends its own block, and no other"
OTHER_BLOCK = "another block is left than the one whose deadline passed"
NOT_RAISED = "a time-out is not raised"
TOO_EARLY = "a time-out passes early"
_TIMEOUT = 0.04
_LEAST = 0.75
"""Share of a time-out that must have passed: a loop may round it by a millisecond."""


class _Nest:
    """Blocks within each other, of which one has a deadline that passes."""

    def __init__(self, runtime: Runtime, depth: int, position: int, *, absolute: bool) -> None:
        self._runtime = runtime
        self._absolute = absolute
        self._depth = depth
        self._position = position
        self.left: list[int] = []
        """Blocks behind which the code went on, the innermost first."""

    async def enter(self, level: int = 0) -> None:
        if level == self._depth:
            await self._runtime.create_event().wait()
        async with self._open(_SOON if level == self._position else LONG_TRIAL_SECONDS):
            await self.enter(level + 1)
        self.left.append(level)

    def _open(self, seconds: float) -> AbstractAsyncContextManager[CancelScope]:
        if self._absolute:
            return self._runtime.open_cancel_scope(deadline=self._runtime.now() + seconds)
        return self._runtime.move_on_after(seconds)


async def _pass_each_deadline(runtime: Runtime, trial: Trial) -> str:
    for depth in SIZES[:3]:
        for position, absolute in product(list_positions(depth), (False, True)):
            nest = _Nest(runtime, depth, position, absolute=absolute)
            await nest.enter()
            if nest.left != list(range(position, -1, -1)):
                trial.observe("case", f"block {position + 1} of {depth}, from outside")
                return OTHER_BLOCK
    calls = {"fail_after": _fail_after, "run_with_timeout": _run_with_timeout, "move_on_after": _move_on_after}
    for name, call in calls.items():
        for number in range(_TIMES):
            begin = runtime.now()
            is_raised = await call(runtime)
            is_early = runtime.now() - begin < _LEAST * _TIMEOUT
            if is_early or not is_raised:
                trial.observe("case", f"{name}, time {number + 1}")
                return TOO_EARLY if is_early else NOT_RAISED
    return EACH_PASSES


async def _fail_after(runtime: Runtime) -> bool:
    try:
        async with runtime.fail_after(_TIMEOUT):
            await runtime.create_event().wait()
    except BaseException as exc:  # that of curio is no Exception
        if runtime.classify(exc) is not ErrorKind.DEADLINE:
            raise
        return True
    return False


async def _run_with_timeout(runtime: Runtime) -> bool:
    try:
        await runtime.run_with_timeout(_TIMEOUT, runtime.create_event().wait)
    except BaseException as exc:  # that of curio is no Exception
        if runtime.classify(exc) is not ErrorKind.DEADLINE:
            raise
        return True
    return False


async def _move_on_after(runtime: Runtime) -> bool:
    async with runtime.move_on_after(_TIMEOUT) as scope:
        await runtime.create_event().wait()
    return scope.cancelled_caught


each_deadline = make_question(
    _pass_each_deadline,
    name="deadline.each-of-several-passes",
    question="The deadline of one of 1 to 3 nested blocks passes, and each time-out is repeated: is it seen?",
    contract=("A scope ends at its own deadline.", "A time-out is raised, each time."),
    ref=f"{_MODULE}:each_deadline",
    answers={
        EACH_PASSES: allowed("a scope ends at its own deadline"),
        OTHER_BLOCK: forbidden("a scope ends at its own deadline"),
        NOT_RAISED: forbidden("a call that takes too long raises that its deadline passed", harm=Harm.TIME),
        TOO_EARLY: forbidden("a deadline does not pass before its time", harm=Harm.TIME),
        NEVER_ENDS: forbidden("a deadline is forgotten"),
    },
    judges={"case": NOTED},
    repetitions=1,
    seconds=LONG_TRIAL_SECONDS,
    requires=(Capability.CANCEL_SCOPE, Capability.DEADLINE),
    catches=(
        "third-level-deadline-forgotten",
        "second-deadline-is-not-raised",
    ),
)


# --- shielded calls ---

EACH_RUNS = "each shielded function runs to its end"
CUT_SHORT = "a shielded function is cancelled with its caller"


class _Shielded:
    """Tasks that call a shielded function each; some of the callers are cancelled while it runs."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._scopes: dict[int, CancelScope] = {}
        self._may_end = runtime.create_event()
        self.ended: list[int] = []
        self.cut: list[int] = []

    async def cancel(self, size: int, cancelled: set[int]) -> bool:
        """Return whether each function ran to its end."""
        async with self._runtime.open_task_group() as group:
            for number in range(size):
                runs = self._runtime.create_event()
                await group.spawn(self._call, number, runs)
                await runs.wait()
            for number in cancelled:
                await self._scopes[number].cancel()
            await give_turns(self._runtime, FEW_TURNS)
            await self._may_end.set()
        while len(self.ended) + len(self.cut) < size:
            await self._runtime.sleep(_SOON / 3)
        return not self.cut

    async def _call(self, number: int, runs: Event) -> None:
        async with self._runtime.open_cancel_scope() as scope:
            self._scopes[number] = scope
            await self._runtime.run_shielded(self._work, number, runs)

    async def _work(self, number: int, runs: Event) -> None:
        await runs.set()
        try:
            await self._may_end.wait()
        except BaseException:
            self.cut.append(number)
            raise
        self.ended.append(number)


async def _cancel_callers(runtime: Runtime, trial: Trial) -> str:
    for size in SIZES:
        for cancelled in [{position} for position in list_positions(size)] + [set(range(size))]:
            if not await _Shielded(runtime).cancel(size, cancelled):
                trial.observe(
                    "case", f"{len(cancelled)} of {size} callers are cancelled, the last is {max(cancelled) + 1}"
                )
                return CUT_SHORT
    return EACH_RUNS


each_shielded = make_question(
    _cancel_callers,
    name="cancel.each-shielded-call",
    question="One of 1 to 10 callers of shielded functions is cancelled, or all: does each function end?",
    contract=("Shielded work is not cancelled with its caller.",),
    ref=f"{_MODULE}:each_shielded",
    answers={
        EACH_RUNS: allowed("a shielded function runs to its end"),
        CUT_SHORT: forbidden("a shielded function runs to its end"),
        NEVER_ENDS: forbidden("a shielded function runs to its end"),
    },
    judges={"case": NOTED},
    repetitions=1,
    seconds=LONG_TRIAL_SECONDS,
    requires=(Capability.CANCEL_SCOPE,),
    catches=("second-call-is-not-shielded",),
)


# --- permits, locks and events ---

WITHIN = "never more holders than permits, and each permit comes back"
TOO_MANY = "more holders than permits"
PERMIT_LOST = "a permit does not come back"


class _Turns:
    """More tasks than permits take turns, each three times."""

    def __init__(self, runtime: Runtime, held: Lock | Semaphore, permits: int) -> None:
        self._runtime = runtime
        self._held = held
        self._permits = permits
        self._inside = 0
        self._most = 0
        self._acquired = 0

    async def take(self) -> str:
        async with self._runtime.open_task_group() as group:
            for _ in range(self._permits + 2):
                await group.spawn(self._take)
        if self._most > self._permits:
            return TOO_MANY
        async with self._runtime.open_task_group() as group:
            await group.spawn(self._acquire_each)
            are_back = await wait_patiently(self._runtime, lambda: self._acquired == self._permits)
            await group.cancel()
        return WITHIN if are_back else PERMIT_LOST

    async def _acquire_each(self) -> None:
        for _ in range(self._permits):
            await self._held.acquire()
            self._acquired += 1

    async def _take(self) -> None:
        for _ in range(_TIMES):
            async with self._held:
                self._inside += 1
                self._most = max(self._most, self._inside)
                await give_turns(self._runtime, FEW_TURNS)
                self._inside -= 1


async def _take_turns(runtime: Runtime, trial: Trial) -> str:
    for permits in (0, *SIZES[:3]):
        held = runtime.create_semaphore(permits) if permits else runtime.create_lock()
        answer = await _Turns(runtime, held, max(1, permits)).take()
        if answer != WITHIN:
            trial.observe("case", f"a semaphore of {permits}" if permits else "a lock")
            return answer
    await _wait_for_a_set_event(runtime)
    return WITHIN


async def _wait_for_a_set_event(runtime: Runtime) -> None:
    event = runtime.create_event()
    await event.set()
    for _ in range(_TIMES):
        await event.wait()


each_turn = make_question(
    _take_turns,
    name="lock.each-turn-is-kept",
    question="More tasks than permits take a lock or a semaphore of 1 to 3, each several times: is each turn kept?",
    contract=("A semaphore has at most n holders, a lock one.", "A release gives a permit back, each time."),
    ref=f"{_MODULE}:each_turn",
    answers={
        WITHIN: allowed("a semaphore has at most n holders, a lock one"),
        TOO_MANY: forbidden("a semaphore has at most n holders, a lock one", harm=Harm.DATA),
        PERMIT_LOST: forbidden("a release gives a permit back, each time", harm=Harm.HANG),
        NEVER_ENDS: forbidden("a release wakes a waiter, and a set event is no wait, each time"),
    },
    judges={"case": NOTED},
    repetitions=1,
    seconds=LONG_TRIAL_SECONDS,
    requires=NEEDED,
    catches=(
        "third-acquire-does-not-wait",
        "later-permit-lost",
        "set-event-is-waited-for-once",
    ),
)

SCENARIOS: tuple[Scenario, ...] = (each_deadline, each_shielded, each_turn)
