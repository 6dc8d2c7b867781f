"""Conditions: whom a notification reaches, and who holds the lock after a wait.

A task that waits for a condition says so while it holds the lock, so whoever has the lock after it knows that it is in
the waiting room, on threads too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from harness.api import (
    ENDING,
    CancelScope,
    Capability,
    Condition,
    Event,
    Harm,
    Parameter,
    Probe,
    Runtime,
    Scenario,
    TaskGroup,
    allowed,
    exact,
    forbidden,
    grid,
    interesting,
    outcomes,
)

from .fairness_turns import RETURNS, attempt, give_turns
from .positions import SIZES, list_positions
from .question import NEVER_ENDS, NOTED, TRIAL_SECONDS, Trial, make_question

_TRIO_CONDITION = "https://trio.readthedocs.io/en/stable/reference-core.html#trio.Condition"
_THREADS_CONDITION = "https://docs.python.org/3/library/threading.html#condition-objects"
_LOST_NOTIFY = "https://github.com/python/cpython/issues/112202"
_SPURIOUS = "https://docs.python.org/3.13/library/asyncio-sync.html#asyncio.Condition.wait"
_CURIO_NOTIFY = "https://github.com/dabeaz/curio/issues/365"
_CURIO_WAIT = "https://github.com/dabeaz/curio/blob/1.6/curio/sync.py (Condition.wait)"
_BOTH_DOCUMENTED = "both are documented or undefined"


class _Room:
    """A condition with its waiters, which must not go on while the notifier holds the lock."""

    def __init__(self, runtime: Runtime, step: Callable[[str, str], None]) -> None:
        self.condition: Condition = runtime.create_condition()
        self.woken: list[str] = []
        """Those whose wait ended with a notification, in order."""
        self.intruded: list[str] = []
        """Those whose wait ended while the notifier held the lock."""
        self._held: list[bool] = []
        self._runtime = runtime
        self._step = step

    async def seat(
        self, group: TaskGroup, name: str, within: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]
    ) -> None:
        """Start a waiter that calls its wait by `within`, and return when it is in the room."""
        waits = self._runtime.create_event()

        async def wait() -> None:
            await self.condition.acquire()
            try:
                self._step(name, "waits")
                await waits.set()
                await self.condition.wait()
                self.woken.append(name)
                self._step(name, "is woken")
            finally:
                await self._leave(name)

        await group.spawn(within, wait)
        await waits.wait()
        await self.condition.acquire()
        await self.condition.release()

    async def _leave(self, name: str) -> None:
        if self._held:
            self.intruded.append(name)
            self._step(name, "goes on while the notifier holds the lock")
        else:
            await self.condition.release()

    async def take(self) -> None:
        """Take the lock as the notifier."""
        await self.condition.acquire()
        self._held.append(True)

    async def give(self) -> None:
        """Give the lock up as the notifier."""
        self._held.clear()
        await self.condition.release()

    async def notify_and_cancel(self, scope: CancelScope, *, later: bool) -> None:
        """Take the lock, notify one and cancel a scope, in one turn or in three."""
        await self.take()
        self._step("notifier", "notifies one")
        await self.condition.notify(1)
        if later:
            await give_turns(self._runtime)
        self._step("notifier", "cancels the first")
        await scope.cancel()
        if later:
            await give_turns(self._runtime)
        await self.give()

    async def notify(self, number: int = 1) -> None:
        """Take the lock and notify."""
        await self.take()
        await self.condition.notify(number)
        await self.give()


async def _plainly(wait: Callable[[], Awaitable[None]]) -> None:
    await wait()


# --- notified and cancelled ---

PASSED_ON = "the other waiter is woken"
TAKEN = "the notified waiter goes on"
LOST = "the notification is lost: the other waiter sleeps on"
LOCK_LOST = "the wait ends while another task holds the lock"
_PATIENCE_SECONDS = 0.1
"""Time for the wake-up of a waiter, in addition to its turns; a later wake-up counts as lost."""
_LATER = "as it waits for the lock"


async def _cancel_the_notified(runtime: Runtime, trial: Trial) -> str:
    room = _Room(runtime, trial.step)
    scopes: list[CancelScope] = []
    first_ended, second_ended = runtime.create_event(), runtime.create_event()

    async def in_a_scope(wait: Callable[[], Awaitable[None]]) -> None:
        async with runtime.open_cancel_scope() as scope:
            scopes.append(scope)
            await wait()
        trial.step("first", "has left its block")
        await first_ended.set()

    async def to_the_end(wait: Callable[[], Awaitable[None]]) -> None:
        await wait()
        await second_ended.set()

    async with runtime.open_task_group() as group:
        await room.seat(group, "first", in_a_scope)
        await room.seat(group, "second", to_the_end)
        await room.notify_and_cancel(scopes[0], later=trial.parameters["cancelled"] == _LATER)
        await first_ended.wait()
        answer = await _see_who_goes_on(runtime, room, second_ended)
        trial.step("notifier", answer)
        if answer != PASSED_ON:
            await room.notify()
    return answer


async def _see_who_goes_on(runtime: Runtime, room: _Room, second_ended: Event) -> str:
    if room.intruded:
        return LOCK_LOST
    if "first" in room.woken:
        return TAKEN
    await give_turns(runtime)
    async with runtime.move_on_after(_PATIENCE_SECONDS):
        await second_ended.wait()
    return PASSED_ON if "second" in room.woken else LOST


notified_and_cancelled = make_question(
    _cancel_the_notified,
    name="lock.notified-and-cancelled",
    question="One of two waiters is notified, and cancelled while the lock is held: is one of them woken?",
    contract=(
        "A notification wakes a waiter that goes on, if there is one.",
        "The lock is held after a wait, however it ends.",
    ),
    ref="harness_scenarios.behaviours.lock_condition:notified_and_cancelled",
    answers={
        PASSED_ON: allowed("a waiter that is cancelled passes its notification on", _LOST_NOTIFY),
        TAKEN: allowed("a waiter that was notified is not cancelled in this wait any more"),
        LOST: forbidden("a notification wakes a waiter that goes on, if there is one", _LOST_NOTIFY, harm=Harm.HANG),
        LOCK_LOST: forbidden("two tasks are in the critical section", _CURIO_WAIT),
        NEVER_ENDS: forbidden("a notification wakes a waiter", _LOST_NOTIFY),
    },
    repetitions=5,
    parameters=(
        Parameter(
            name="cancelled",
            default="at once",
            summary="when the waiter is cancelled: in the turn of the notification, or later, still before the release",
            choices=("at once", _LATER),
        ),
    ),
    rows={"quick": grid(cancelled=("at once", _LATER))},
    requires=(Capability.CANCEL_SCOPE, Capability.DEADLINE),
    catches=("first-notify-lost",),
)


# --- the lock after a cancelled wait ---

HELD = "the lock is held after the wait"


async def _cancel_the_wait(runtime: Runtime, trial: Trial) -> str:
    room = _Room(runtime, trial.step)
    scopes: list[CancelScope] = []

    async def in_two_scopes(wait: Callable[[], Awaitable[None]]) -> None:
        async with runtime.open_cancel_scope() as outer, runtime.open_cancel_scope() as inner:
            scopes.extend((inner, outer))
            await wait()
        trial.step("waiter", "has left its block")

    async with runtime.open_task_group() as group:
        await room.seat(group, "waiter", in_two_scopes)
        await room.take()
        for scope in scopes[: trial.parameters["times"]]:
            trial.step("holder", "cancels the wait")
            await scope.cancel()
            await give_turns(runtime)
        trial.step("holder", "releases")
        await room.give()
    return LOCK_LOST if room.intruded else HELD


held_after_cancelled_wait = make_question(
    _cancel_the_wait,
    name="lock.held-after-cancelled-wait",
    question="A wait for a condition is cancelled while another task holds the lock: does it end with the lock?",
    contract=("The lock is held after a wait, however it ends.",),
    ref="harness_scenarios.behaviours.lock_condition:held_after_cancelled_wait",
    answers={
        HELD: allowed("a wait takes the lock again, whatever is cancelled", _TRIO_CONDITION),
        LOCK_LOST: forbidden("two tasks are in the critical section", _CURIO_WAIT),
        NEVER_ENDS: forbidden("a cancelled wait ends when the lock is free"),
    },
    parameters=(Parameter(name="times", default=1, summary="how often the wait is cancelled", at_least=1, at_most=2),),
    rows={"quick": grid(times=(1, 2))},
    requires=(Capability.CANCEL_SCOPE,),
    catches=("wait-ends-without-lock",),
)


# --- the order of those who are notified ---

IN_ORDER = "in the order in which they came"
ANOTHER_ORDER = "in another order"
_WAITERS = 5


async def _notify_one_by_one(runtime: Runtime, trial: Trial) -> str:
    room = _Room(runtime, trial.step)
    names = [f"waiter {number}" for number in range(_WAITERS)]
    async with runtime.open_task_group() as group:
        for name in names:
            await room.seat(group, name, _plainly)
        await room.take()
        trial.step("notifier", "notifies one, five times")
        for _ in names:
            await room.condition.notify(1)
        await room.give()
    return IN_ORDER if room.woken == names else ANOTHER_ORDER


order_of_notified = make_question(
    _notify_one_by_one,
    name="lock.order-of-notified",
    question="Five waiters of a condition are notified one by one: in which order do they go on?",
    contract=("Each of them goes on.",),
    ref="harness_scenarios.behaviours.lock_condition:order_of_notified",
    answers={
        IN_ORDER: allowed("first come, first served", _TRIO_CONDITION),
        ANOTHER_ORDER: interesting("which waiter is woken is not defined", _THREADS_CONDITION),
        NEVER_ENDS: forbidden("five notifications wake five waiters"),
    },
    catches=("notify-lost",),
)


# --- without the lock ---

REFUSED = "an error"
BY_ANOTHER = "it goes through: it is enough that another task holds the lock"
BY_NOBODY = "it goes through although nobody holds the lock"


async def _notify_without_the_lock(runtime: Runtime, trial: Trial) -> str:
    condition = runtime.create_condition()
    is_held = trial.parameters["held"]
    outcomes_seen: list[str] = []

    async def notify() -> None:
        outcomes_seen.append(await attempt(runtime, condition.notify_all))
        trial.step("notifier", f"notifies without the lock: {outcomes_seen[0]}")

    if is_held:
        await condition.acquire()
        trial.step("holder", "has the lock")
    async with runtime.open_task_group() as group:
        await group.spawn(notify)
    if is_held:
        await condition.release()
    if outcomes_seen[0] != RETURNS:
        return REFUSED
    return BY_ANOTHER if is_held else BY_NOBODY


notify_needs_the_lock = make_question(
    _notify_without_the_lock,
    name="lock.notify-needs-the-lock",
    question="A task notifies and does not hold the lock: is it told?",
    contract=("A notification needs the lock.",),
    ref="harness_scenarios.behaviours.lock_condition:notify_needs_the_lock",
    answers={
        REFUSED: allowed(f"who notifies must hold the lock; {_BOTH_DOCUMENTED}", _TRIO_CONDITION),
        BY_ANOTHER: interesting(
            f"the lock is held, and its owner is not checked; {_BOTH_DOCUMENTED}", _THREADS_CONDITION
        ),
        BY_NOBODY: forbidden("a notification without the lock may come too early", _THREADS_CONDITION),
    },
    repetitions=1,
    parameters=(Parameter(name="held", default=False, summary="whether another task holds the lock"),),
    rows={"quick": grid(held=(False, True))},
    catches=("notify-without-lock",),
)


# --- more notifications than waiters ---


async def _notify_more_than_wait(runtime: Runtime, probe: Probe) -> None:
    room = _Room(runtime, probe.step)
    waiting: int = probe.parameters["waiters"]
    async with runtime.move_on_after(TRIAL_SECONDS), runtime.open_task_group() as group:
        for number in range(waiting):
            await room.seat(group, f"waiter {number}", _plainly)
        probe.step("notifier", f"notifies one more than the {waiting} that wait")
        await room.notify(waiting + 1)
    probe.observe("each waiter is woken", len(room.woken) == waiting)
    async with runtime.open_task_group() as group:
        await room.seat(group, "late waiter", _plainly)
        probe.observe("an old notification wakes a later waiter", "late waiter" in room.woken)
        probe.step("notifier", "notifies the late waiter")
        await room.notify()
    probe.advance()


more_than_wait = Scenario(
    name="lock.notify-more-than-wait",
    question="More waiters are notified than wait: is that nothing, and is nothing kept for later?",
    contract=(
        "Up to n waiters are woken; having no waiter is no error.",
        "A notification is not kept for a later waiter.",
    ),
    ref="harness_scenarios.behaviours.lock_condition:more_than_wait",
    roles={"main": _notify_more_than_wait},
    parameters=(Parameter(name="waiters", default=2, summary="how many wait; one more is notified", at_least=0),),
    judges={
        ENDING: outcomes(
            {
                "returns": allowed("up to n waiters are woken", _THREADS_CONDITION),
                "raises IndexError": forbidden(
                    "the kernel of curio ends: it takes a waiter from an empty queue", _CURIO_NOTIFY
                ),
            }
        ),
        "each waiter is woken": exact(expected=True, reason="each of those that wait is woken"),
        "an old notification wakes a later waiter": exact(
            expected=False, reason="a notification is for those that wait now", reference=_THREADS_CONDITION
        ),
    },
    headline=ENDING,
    rows={"quick": grid(waiters=(0, 2))},
    requires=(Capability.DEADLINE,),
    timeout=30.0,
    hang_after=6.0,
    summary="More waiters are notified than wait: is that nothing, and is nothing kept for later?",
    catches=("notify-wakes-one", "notification-kept"),
)


# --- cancelled among others ---

QUIET = "the others wait on"
SPURIOUS = "another waiter is woken"


async def _cancel_among_others(runtime: Runtime, trial: Trial) -> str:
    for size in SIZES[1:]:
        for position in list_positions(size):
            trial.step("main", f"cancels waiter {position + 1} of {size}")
            if await _count_woken(runtime, size, position):
                trial.observe("case", f"waiter {position + 1} of {size} is cancelled")
                return SPURIOUS
    return QUIET


async def _count_woken(runtime: Runtime, size: int, position: int) -> int:
    """Return how many waiters are woken as one is cancelled; the rest is woken by a notification then."""
    room = _Room(runtime, lambda _actor, _what: None)
    scopes: list[CancelScope] = []

    async def in_a_scope(wait: Callable[[], Awaitable[None]]) -> None:
        async with runtime.open_cancel_scope() as scope:
            scopes.append(scope)
            await wait()

    async with runtime.open_task_group() as group:
        for number in range(size):
            await room.seat(group, f"waiter {number}", in_a_scope)
        await scopes[position].cancel()
        await give_turns(runtime)
        woken = len(room.woken)
        if rest := size - 1 - woken:  # curio fails if more are notified than wait
            await room.notify(rest)
    return woken


cancelled_wait = make_question(
    _cancel_among_others,
    name="lock.cancelled-wait-wakes-no-other",
    question="Of 2, 3 or 10 tasks that wait for a condition one is cancelled, at each position: do the others wait on?",
    contract=("A wait ends by a notification, or as its own task is cancelled.",),
    ref="harness_scenarios.behaviours.lock_condition:cancelled_wait",
    answers={
        QUIET: allowed("there was no notification", _THREADS_CONDITION),
        SPURIOUS: forbidden("there was no notification: a program that does not check again goes on", _SPURIOUS),
        NEVER_ENDS: forbidden("a notification wakes the other waiters"),
    },
    judges={"case": NOTED},
    repetitions=1,
    catches=("cancelled-wait-wakes-another",),
)


SCENARIOS: tuple[Scenario, ...] = (
    notified_and_cancelled,
    held_after_cancelled_wait,
    order_of_notified,
    notify_needs_the_lock,
    more_than_wait,
    cancelled_wait,
)
