"""A block with a time-out that has passed as it is entered, in a task whose cancellation is under way.

The task cancels a block that it stands in and, without a wait in between, enters another one with a time-out. So the
cancellation is pending as the inner block begins: it belongs to the outer one, whatever the time-out does. One
repetition asks each form of time-out with each time, and at one or two levels.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from itertools import product

from harness.api import CancelScope, Capability, ErrorKind, Event, Harm, Runtime, Scenario, allowed, forbidden

from .fairness_turns import give_turns
from .question import NOTED, Trial, make_question

_PENDING = "https://github.com/python/cpython/issues/134471"

KEPT = "the outer block is left"
LOST = "the cancelled block runs on"
_TIMES = (0.0, 0.001, 30.0)
"""Passed as the block is entered, soon after that, and never."""
_PAST = -1.0
"""For an absolute deadline only: that a time-out is negative is refused by trio."""

Timed = Callable[[Runtime, float, Event], Awaitable[object]]
"""Waits for an event with a time-out."""


async def _in_block(block: AbstractAsyncContextManager[object], event: Event) -> None:
    async with block:
        await event.wait()


def _move_on(runtime: Runtime, seconds: float, event: Event) -> Awaitable[object]:
    return _in_block(runtime.move_on_after(seconds), event)


def _until(runtime: Runtime, seconds: float, event: Event) -> Awaitable[object]:
    return _in_block(runtime.open_cancel_scope(deadline=runtime.now() + seconds), event)


def _fail(runtime: Runtime, seconds: float, event: Event) -> Awaitable[object]:
    return _in_block(runtime.fail_after(seconds), event)


def _call(runtime: Runtime, seconds: float, event: Event) -> Awaitable[object]:
    return runtime.run_with_timeout(seconds, event.wait)


_FORMS: dict[str, tuple[Timed, tuple[float, ...]]] = {
    "move_on_after": (_move_on, _TIMES),
    "a scope with a deadline": (_until, (_PAST, *_TIMES)),
    "fail_after": (_fail, _TIMES),
    "run_with_timeout": (_call, _TIMES),
}
"""The forms of a time-out, with the times that each is asked with."""


async def _ask_each(runtime: Runtime, trial: Trial) -> str:
    cases = [(form, seconds) for form, (_, times) in _FORMS.items() for seconds in times]
    for (form, seconds), levels in product(cases, (1, 2)):
        if not await _is_left(runtime, _FORMS[form][0], seconds, levels):
            asked = f"{form}, {seconds:g} s, {levels} {'block' if levels == 1 else 'blocks'} further in"
            trial.observe("not kept", asked)
            trial.step("task", f"runs on behind {asked}")
            return LOST
    return KEPT


async def _is_left(runtime: Runtime, timed: Timed, seconds: float, levels: int) -> bool:
    never = runtime.create_event()

    async def go_on(scope: CancelScope) -> bool:
        await scope.cancel()
        try:
            await timed(runtime, seconds, never)
        except BaseException as exc:  # of a deadline too: not on every runtime is that an Exception
            if runtime.classify(exc) is not ErrorKind.DEADLINE:
                raise
        await give_turns(runtime)  # a block that was ended by its own time-out meets the cancellation here
        return False

    async with runtime.open_cancel_scope() as outer:
        if levels == 1:
            return await go_on(outer)
        async with runtime.move_on_after(30.0):
            return await go_on(outer)
        return False
    return True


pending_cancellation = make_question(
    _ask_each,
    name="deadline.pending-cancellation",
    question="A cancelled task enters a block whose time-out is over at once: does it still see the cancellation?",
    contract=("A cancelled block is left at its next wait, whatever time-outs are inside.",),
    ref="harness_scenarios.behaviours.deadline_pending:pending_cancellation",
    answers={
        KEPT: allowed("a cancellation belongs to its own block"),
        LOST: forbidden(
            "the time-out takes the pending cancellation for its own: the cancelled task runs on",
            _PENDING,
            harm=Harm.ANSWER,
        ),
    },
    judges={"not kept": NOTED},
    repetitions=2,
    requires=(Capability.CANCEL_SCOPE, Capability.DEADLINE),
    variants=("asyncio:cancel=task", "uvloop:cancel=task"),
    catches=("time-out-of-zero-takes-all",),
)

SCENARIOS: tuple[Scenario, ...] = (pending_cancellation,)
