"""How a cancellation is delivered: when, how often, to whom, and whether it can get lost.

In every question a task in a scope of its own waits, and another one cancels the scope. "The same turn" is enforced:
the canceller does both things without a wait in between, so that on a loop no other task runs meanwhile. On threads,
where there are no turns, the first of the two wakes the waiting thread.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from harness.api import Capability, Parameter, Runtime, Scenario, allowed, forbidden, grid, interesting

from .cancel_target import FAR_SECONDS, PlannedFailureError, Target, open_failing_group, swallowing
from .question import Trial, make_question

_BOTH_DOCUMENTED = "both are documented or undefined"
_ANYIO = "https://anyio.readthedocs.io/en/stable/cancellation.html"

AT_THE_WAIT = "the wait is cancelled"
AT_THE_NEXT_WAIT = "the wait succeeds, the next one is cancelled"
LOST = "the cancellation is lost"

Act = Callable[[], Awaitable[object]]
WaitOf = Callable[[Target], Awaitable[object]]
"""Makes the wait in which a task is cancelled."""


# --- edge or level ---

AGAIN = "the next wait is cancelled again"
ONCE = "the next wait goes on"


async def _swallow_and_wait_again(runtime: Runtime, trial: Trial) -> str:
    target = Target(runtime, trial)

    async def work() -> None:
        async with runtime.open_cancel_scope() as scope:
            target.stand_in(scope)
            with swallowing(runtime):
                await target.wait_for_ever()
            target.step("swallows the cancellation")
            target.answer = AGAIN
            await target.outlive_the_call()
            target.answer = ONCE
        target.step(target.answer)

    return await target.cancel_in(work)


repeated_at_each_wait = make_question(
    _swallow_and_wait_again,
    name="cancel.repeated-at-each-wait",
    question="A task swallows its cancellation and waits again: is it cancelled again?",
    contract=("A cancellation is delivered at least once.",),
    ref="harness_scenarios.behaviours.cancel:repeated_at_each_wait",
    answers={
        AGAIN: interesting(f"cancellation is a level; {_BOTH_DOCUMENTED}", _ANYIO),
        ONCE: allowed(f"cancellation is an edge; {_BOTH_DOCUMENTED}", _ANYIO),
    },
    repetitions=5,
    requires=(Capability.CANCEL_SCOPE,),
)


# --- after a swallowed cancellation ---

NOTHING_LEFT = "the code behind the block is as before"
STILL_CANCELLED = "a wait behind the block is cancelled"
WRONG_BLAME = "a later time-out is not reported as one"


async def _swallow_and_go_on(runtime: Runtime, trial: Trial) -> str:
    target = Target(runtime, trial)

    async def work() -> None:
        async with runtime.open_cancel_scope() as scope:
            target.stand_in(scope)
            with swallowing(runtime):
                await target.wait_for_ever()
            target.step("swallows the cancellation")
        target.step("leaves the block")
        target.answer = STILL_CANCELLED
        with swallowing(runtime):
            await target.outlive_the_call()
            target.answer = await _time_out_again(runtime)
        target.step(target.answer)

    return await target.cancel_in(work)


async def _time_out_again(runtime: Runtime) -> str:
    never = runtime.create_event()
    blamed = False
    async with runtime.move_on_after(FAR_SECONDS) as outer:
        async with runtime.move_on_after(0.001) as inner:
            await never.wait()
        blamed = inner.cancelled_caught
    return NOTHING_LEFT if blamed and not outer.cancelled_caught else WRONG_BLAME


swallowed_leaves_nothing_behind = make_question(
    _swallow_and_go_on,
    name="cancel.swallowed-leaves-nothing-behind",
    question="A task swallows its cancellation and leaves the block by itself: is what follows free of it?",
    contract=(
        "Code behind a cancelled block runs on.",
        "A later time-out of the same task is blamed on the block that it belongs to.",
    ),
    ref="harness_scenarios.behaviours.cancel:swallowed_leaves_nothing_behind",
    answers={
        NOTHING_LEFT: allowed("a cancellation belongs to its block"),
        STILL_CANCELLED: forbidden("a cancellation reaches no further than its block", _ANYIO),
        WRONG_BLAME: forbidden(
            "a block that timed out says so",
            "https://docs.python.org/3/library/asyncio-task.html#asyncio.Task.uncancel",
        ),
    },
    repetitions=5,
    requires=(Capability.CANCEL_SCOPE, Capability.DEADLINE),
    catches=("cancellation-left-behind", "time-out-hidden"),
)


# --- before the first step ---

NEVER_STARTED = "the body never runs"
TO_ITS_FIRST_WAIT = "the body runs to its first wait"


async def _cancel_unstarted(runtime: Runtime, trial: Trial) -> str:
    never = runtime.create_event()
    started: list[str] = []

    async def work() -> None:
        trial.step("child", "starts")
        started.append(TO_ITS_FIRST_WAIT)
        await never.wait()

    async with open_failing_group(runtime) as group:
        await group.spawn(work)
        if trial.parameters["by"] == "failure":
            trial.step("parent", "fails")
            raise PlannedFailureError
        trial.step("parent", "cancels the group")
        await group.cancel()
    return started[0] if started else NEVER_STARTED


_BY = Parameter(
    name="by",
    default="failure",
    summary="what cancels the tasks of a group: a failure of its body, or a call",
    choices=("failure", "call"),
)

before_first_step = make_question(
    _cancel_unstarted,
    name="cancel.before-first-step",
    question="A task is cancelled before its first step: how far does it run?",
    contract=("It does not run past its first wait.",),
    ref="harness_scenarios.behaviours.cancel:before_first_step",
    answers={
        NEVER_STARTED: interesting(
            f"the item handed to the task is leaked; {_BOTH_DOCUMENTED}",
            "https://github.com/python-trio/trio/issues/41",
        ),
        TO_ITS_FIRST_WAIT: allowed(
            f"the task can take over the item that it was given; {_BOTH_DOCUMENTED}",
            "https://github.com/python-trio/trio/issues/41",
        ),
    },
    parameters=(_BY,),
    rows={"quick": grid(by=("failure", "call"))},
    requires=(Capability.GROUP_CANCEL,),
)


# --- wake-up and cancellation in one turn ---


async def _wake_and_cancel(runtime: Runtime, trial: Trial) -> str:
    wakes = runtime.create_event()

    async def wait(target: Target) -> None:
        await target.say_that_it_waits()
        await wakes.wait()

    return await _race_wake_up(runtime, trial, wait, wakes.set)


async def _race_wake_up(runtime: Runtime, trial: Trial, wait: WaitOf, wake: Act) -> str:
    """Wake a task and cancel it without a wait in between, in the order that the trial asks for."""
    target = Target(runtime, trial)

    async def work() -> None:
        async with runtime.open_cancel_scope() as scope:
            target.stand_in(scope)
            await _see_the_race(target, wait)
        target.step(target.answer)

    first, second = _in_order(trial, wake, target.cancel)
    async with runtime.open_task_group() as group:
        await group.spawn(work)
        await target.until_it_waits()
        await first()
        await second()
    return target.answer


def _in_order(trial: Trial, wake: Act, cancel: Act) -> tuple[Act, Act]:
    return (wake, cancel) if trial.parameters["first"] == "wake-up" else (cancel, wake)


async def _see_the_race(target: Target, wait: WaitOf) -> None:
    target.answer = AT_THE_WAIT
    await wait(target)
    target.step("is woken")
    target.answer = AT_THE_NEXT_WAIT
    await target.outlive_the_call()
    target.answer = LOST


_FIRST = Parameter(
    name="first",
    default="wake-up",
    summary="what happens first in the turn in which the task is woken and cancelled",
    choices=("wake-up", "cancellation"),
)

wake_up_in_the_same_turn = make_question(
    _wake_and_cancel,
    name="cancel.wake-up-in-the-same-turn",
    question="A task is woken and cancelled in one turn: which of the two does it see?",
    contract=("The cancellation is seen at this wait or at the next one.",),
    ref="harness_scenarios.behaviours.cancel:wake_up_in_the_same_turn",
    answers={
        AT_THE_WAIT: allowed(f"the cancellation is seen at the wait that has completed; {_BOTH_DOCUMENTED}", _ANYIO),
        AT_THE_NEXT_WAIT: interesting(f"a completed wait is not cancelled any more; {_BOTH_DOCUMENTED}", _ANYIO),
        LOST: forbidden("a cancellation is delivered at least once", _ANYIO),
    },
    parameters=(_FIRST,),
    rows={"quick": grid(first=("wake-up", "cancellation"))},
    requires=(Capability.CANCEL_SCOPE,),
    catches=("cancels-nothing",),
)


async def _wake_and_fail(runtime: Runtime, trial: Trial) -> str:
    target, witness = Target(runtime, trial), Target(runtime, trial)
    wakes = runtime.create_event()

    async def wait(target: Target) -> None:
        await target.say_that_it_waits()
        await wakes.wait()

    async with open_failing_group(runtime) as group:
        await group.spawn(_see_the_race, target, wait)
        await group.spawn(target.say_when_cancelled, witness)
        await target.until_it_waits()
        await witness.until_it_waits()
        await wakes.set()
        trial.step("parent", "wakes the target and fails")
        raise PlannedFailureError
    return target.answer


wake_up_as_the_group_fails = make_question(
    _wake_and_fail,
    name="cancel.wake-up-as-the-group-fails",
    question="The body of a group wakes a child and fails: is the child cancelled at the wait that has completed?",
    contract=("The cancellation is seen at this wait or at the next one.",),
    ref="harness_scenarios.behaviours.cancel:wake_up_as_the_group_fails",
    answers={
        AT_THE_WAIT: allowed(f"the cancellation is seen at the wait that has completed; {_BOTH_DOCUMENTED}", _ANYIO),
        AT_THE_NEXT_WAIT: interesting(f"a completed wait is not cancelled any more; {_BOTH_DOCUMENTED}", _ANYIO),
        LOST: forbidden("a cancellation is delivered at least once", _ANYIO),
    },
    catches=("first-child-not-cancelled",),
)


async def _end_timed_call_and_cancel(runtime: Runtime, trial: Trial) -> str:
    wakes = runtime.create_event()

    async def wait(target: Target) -> None:
        async def operation() -> None:
            await target.say_that_it_waits()
            await wakes.wait()

        await runtime.run_with_timeout(FAR_SECONDS, operation)

    return await _race_wake_up(runtime, trial, wait, wakes.set)


not_lost_in_a_timed_call = make_question(
    _end_timed_call_and_cancel,
    name="cancel.not-lost-in-a-timed-call",
    question="A call with a time-out completes as its caller is cancelled: does the caller still see the cancellation?",
    contract=("The cancellation is seen at this wait or at the next one.",),
    ref="harness_scenarios.behaviours.cancel:not_lost_in_a_timed_call",
    answers={
        AT_THE_WAIT: allowed("the cancellation is seen at the call that has completed", _ANYIO),
        AT_THE_NEXT_WAIT: allowed("a completed call is not cancelled any more", _ANYIO),
        LOST: forbidden(
            "the cancelled task runs on: asyncio.wait_for of Python 3.8 to 3.11 returns the result instead",
            "https://github.com/python/cpython/issues/86296 (bpo-42130, bpo-37658)",
        ),
    },
    parameters=(_FIRST,),
    rows={"quick": grid(first=("cancellation", "wake-up"))},
    requires=(Capability.CANCEL_SCOPE, Capability.DEADLINE),
    variants=("asyncio:timeout=wait_for", "uvloop:timeout=wait_for"),
    catches=("timed-call-swallows-cancellation",),
)


# --- as the block ends ---

ENDS_BY_ITSELF = "the block ends by itself"
IS_CANCELLED = "the block is cancelled"
LEAKS = "the code behind the block is cancelled"


async def _cancel_as_the_block_ends(runtime: Runtime, trial: Trial) -> str:
    target = Target(runtime, trial)
    wakes = runtime.create_event()

    async def work() -> None:
        with swallowing(runtime):
            async with runtime.open_cancel_scope() as scope:
                target.stand_in(scope)
                await target.say_that_it_waits()
                await wakes.wait()
            target.step("has left the block")
            target.answer = LEAKS
            await target.outlive_the_call()
            target.answer = IS_CANCELLED if scope.cancelled_caught else ENDS_BY_ITSELF
        target.step(target.answer)

    async with runtime.open_task_group() as group:
        await group.spawn(work)
        await target.until_it_waits()
        first, second = _in_order(trial, wakes.set, target.cancel)
        await first()
        await second()
    return target.answer


as_the_block_ends = make_question(
    _cancel_as_the_block_ends,
    name="cancel.as-the-block-ends",
    question="A block is cancelled in the turn in which its last wait ends: does the cancellation stay inside?",
    contract=("Code behind a cancelled block runs on.",),
    ref="harness_scenarios.behaviours.cancel:as_the_block_ends",
    answers={
        ENDS_BY_ITSELF: allowed("a block that has no wait left is not cancelled any more", _ANYIO),
        IS_CANCELLED: allowed("the cancellation is seen at the wait that has completed", _ANYIO),
        LEAKS: forbidden("a cancellation reaches no further than its block", _ANYIO),
    },
    parameters=(_FIRST,),
    rows={"quick": grid(first=("wake-up", "cancellation"))},
    requires=(Capability.CANCEL_SCOPE,),
    catches=("cancellation-left-behind",),
)


# --- two scopes ---

BOTH_LEFT = "both blocks are left"
OUTER_RUNS_ON = "the outer block runs on"


async def _cancel_two_scopes(runtime: Runtime, trial: Trial) -> str:
    target = Target(runtime, trial)

    async def work() -> None:
        async with runtime.open_cancel_scope() as outer:
            target.stand_in(outer)
            async with runtime.open_cancel_scope() as inner:
                target.stand_in(inner)
                target.answer = BOTH_LEFT
                await target.wait_for_ever()
            target.step("has left the inner block")
            await target.outlive_the_call()
            target.answer = OUTER_RUNS_ON
        target.step(target.answer)

    return await target.cancel_in(work)


nested_in_the_same_turn = make_question(
    _cancel_two_scopes,
    name="cancel.nested-in-the-same-turn",
    question="A block and the one around it are cancelled in one turn: are both left?",
    contract=("Each cancelled block is left at its next wait.",),
    ref="harness_scenarios.behaviours.cancel:nested_in_the_same_turn",
    answers={
        BOTH_LEFT: allowed("each cancellation ends its own block"),
        OUTER_RUNS_ON: forbidden(
            "one cancellation swallows the other", "https://github.com/python/cpython/issues/116720"
        ),
    },
    requires=(Capability.CANCEL_SCOPE,),
    catches=("cancels-once",),
)


# --- the reason ---

TELLS = "the cancellation says whether it was a call or a deadline"
TELLS_NOT = "the cancellation does not say why"


async def _compare_reasons(runtime: Runtime, trial: Trial) -> str:
    never = runtime.create_event()
    seen: list[str] = []

    async def wait() -> None:
        try:
            await never.wait()
        except BaseException as exc:
            if runtime.is_cancelled(exc):
                text = str(exc) or "no text"
                trial.step("task", f"sees {type(exc).__name__}: {text}")
                seen.append(f"{type(exc).__name__}: {''.join(filter(str.isalpha, text))}")
            raise

    async with runtime.open_cancel_scope() as scope:
        await scope.cancel()
        await wait()
    async with runtime.move_on_after(0.001):
        await wait()
    by_call, by_deadline = seen
    return TELLS_NOT if by_call == by_deadline else TELLS


tells_its_reason = make_question(
    _compare_reasons,
    name="cancel.tells-its-reason",
    question="Does the exception of a cancellation tell a call from a deadline?",
    contract=("Both are cancellations to the code that they end.",),
    ref="harness_scenarios.behaviours.cancel:tells_its_reason",
    answers={
        TELLS: interesting("a reason is in the exception", "https://github.com/python-trio/trio/issues/3232"),
        TELLS_NOT: allowed(
            "the reason is known to the block alone", "https://docs.python.org/3/library/asyncio-task.html#timeouts"
        ),
    },
    repetitions=1,
    requires=(Capability.CANCEL_SCOPE, Capability.DEADLINE),
)


SCENARIOS: tuple[Scenario, ...] = (
    repeated_at_each_wait,
    swallowed_leaves_nothing_behind,
    before_first_step,
    wake_up_in_the_same_turn,
    wake_up_as_the_group_fails,
    not_lost_in_a_timed_call,
    as_the_block_ends,
    nested_in_the_same_turn,
    tells_its_reason,
)
