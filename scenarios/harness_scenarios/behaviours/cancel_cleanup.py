"""What becomes of the clean-up of a cancelled task, and of work that is shielded from the cancellation."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable

from harness.api import Capability, Runtime, Scenario, allowed, forbidden, interesting

from .cancel_target import TURNS, Target
from .question import Trial, make_question

_BOTH_DOCUMENTED = "both are documented or undefined"
_TRIO_CLEANUP = "https://trio.readthedocs.io/en/stable/reference-core.html#cancellation-semantics"
_SHIELD = "https://docs.python.org/3/library/asyncio-task.html#asyncio.shield"

COMPLETES = "the clean-up completes"
CUT_SHORT = "the clean-up is cut short"
LOST = "the cancellation is lost"

_SHORT = 0.001


# --- a wait in the clean-up ---


async def _wait_in_cleanup(runtime: Runtime, trial: Trial) -> str:
    target = Target(runtime, trial)

    async def work() -> None:
        async with runtime.open_cancel_scope() as scope:
            target.stand_in(scope)
            try:
                await target.wait_for_ever()
            finally:
                target.step("cleans up")
                target.answer = CUT_SHORT
                await runtime.sleep(_SHORT)
                target.answer = COMPLETES
        target.step(target.answer)

    return await target.cancel_in(work)


cleanup_waits = make_question(
    _wait_in_cleanup,
    name="cancel.cleanup-waits",
    question="A cancelled task waits in its `finally`: does that wait end as it should?",
    contract=("The clean-up is entered.",),
    ref="harness_scenarios.behaviours.cancel_cleanup:cleanup_waits",
    answers={
        COMPLETES: allowed(f"a clean-up may wait; {_BOTH_DOCUMENTED}"),
        CUT_SHORT: interesting(f"a clean-up that waits needs a shield; {_BOTH_DOCUMENTED}", _TRIO_CLEANUP),
    },
    repetitions=5,
    requires=(Capability.CANCEL_SCOPE,),
)


# --- a second cancellation in the clean-up ---

CUT_SHORT_BY_THE_SECOND = "the second cancellation cuts the clean-up short"
OUTER_RUNS_ON = "the second cancellation is lost"


async def _cancel_again_in_cleanup(runtime: Runtime, trial: Trial) -> str:
    inner_target, outer_target = Target(runtime, trial), Target(runtime, trial)

    async def clean_up() -> None:
        inner_target.answer = CUT_SHORT
        try:
            await runtime.sleep(_SHORT)
            inner_target.answer = CUT_SHORT_BY_THE_SECOND
        finally:
            await outer_target.say_that_it_waits()
        await outer_target.outlive_the_call()
        inner_target.answer = COMPLETES

    async def work() -> None:
        async with runtime.open_cancel_scope() as outer:
            outer_target.stand_in(outer)
            async with runtime.open_cancel_scope() as inner:
                inner_target.stand_in(inner)
                try:
                    await inner_target.wait_for_ever()
                finally:
                    await clean_up()
            outer_target.step("has left the inner block")
            await outer_target.outlive_the_call()
            inner_target.answer = OUTER_RUNS_ON
        outer_target.step(inner_target.answer)

    async with runtime.open_task_group() as group:
        await group.spawn(work)
        await inner_target.until_it_waits()
        await inner_target.cancel()
        await outer_target.until_it_waits()
        await outer_target.cancel()
    return inner_target.answer


again_in_cleanup = make_question(
    _cancel_again_in_cleanup,
    name="cancel.again-in-cleanup",
    question="The block around a cancelled one is cancelled too while the task cleans up: what ends the clean-up?",
    contract=("Each cancelled block is left at its next wait.",),
    ref="harness_scenarios.behaviours.cancel_cleanup:again_in_cleanup",
    answers={
        CUT_SHORT_BY_THE_SECOND: allowed("each cancellation is delivered once", _TRIO_CLEANUP),
        CUT_SHORT: interesting("the first cancellation has ended the clean-up already", _TRIO_CLEANUP),
        COMPLETES: interesting("a task that is being cancelled ignores further requests"),
        OUTER_RUNS_ON: forbidden("each cancelled block is left at its next wait"),
    },
    repetitions=5,
    requires=(Capability.CANCEL_SCOPE,),
    catches=("cancels-once",),
)


# --- a shielded call ---

CALLER_LEAVES = "the caller returns at once, the work runs on without it"
CALLER_WAITS = "the caller waits for the work"
WORK_IS_CANCELLED = "the work is cancelled"


async def _cancel_shielded_call(runtime: Runtime, trial: Trial) -> str:
    target = Target(runtime, trial)
    permit, work_ended, caller_ended = (runtime.create_event() for _ in range(3))
    results: list[str] = []

    async def protected() -> None:
        try:
            await target.say_that_it_waits()
            await permit.wait()
            trial.step("work", "completes")
            results.append("done")
        finally:
            await work_ended.set()

    async def call() -> None:
        try:
            async with runtime.open_cancel_scope() as scope:
                target.stand_in(scope)
                await runtime.run_shielded(protected)
        finally:
            target.step("has left the call")
            await caller_ended.set()

    async with runtime.open_task_group() as group:
        await group.spawn(call)
        await target.until_it_waits()
        await target.cancel()
        await _take_turns(runtime)
        left_at_once = caller_ended.is_set()
        await permit.set()
        await work_ended.wait()
    if not results:
        return WORK_IS_CANCELLED
    return CALLER_LEAVES if left_at_once else CALLER_WAITS


shielded_call = make_question(
    _cancel_shielded_call,
    name="cancel.shielded-call",
    question="The caller of a shielded function is cancelled: does it wait for the function?",
    contract=("Shielded work is not cancelled with its caller.",),
    ref="harness_scenarios.behaviours.cancel_cleanup:shielded_call",
    answers={
        CALLER_LEAVES: interesting("the work is orphaned: its result and its errors are lost", _SHIELD),
        CALLER_WAITS: allowed("the cancellation is delivered when the work has ended", _TRIO_CLEANUP),
        WORK_IS_CANCELLED: forbidden("a shield protects the work from the cancellation of its caller", _SHIELD),
    },
    repetitions=5,
    requires=(Capability.CANCEL_SCOPE,),
    catches=("shields-nothing",),
)


# --- a shielded block ---

BEHIND_THE_SHIELD = "the first wait behind the shield is cancelled"
INSIDE_THE_SHIELD = "a wait inside the shield is cancelled"


async def _cancel_shielded_block(runtime: Runtime, trial: Trial) -> str:
    target = Target(runtime, trial)
    permit = runtime.create_event()

    async def work() -> None:
        async with runtime.open_cancel_scope() as scope:
            target.stand_in(scope)
            target.answer = INSIDE_THE_SHIELD
            async with runtime.open_cancel_scope(shield=True):
                await target.say_that_it_waits()
                await permit.wait()
                await target.outlive_the_call()
            target.step("leaves the shield")
            target.answer = BEHIND_THE_SHIELD
            await target.outlive_the_call()
            target.answer = LOST
        target.step(target.answer)

    async with runtime.open_task_group() as group:
        await group.spawn(work)
        await target.until_it_waits()
        await target.cancel()
        await permit.set()
    return target.answer


shielded_block = make_question(
    _cancel_shielded_block,
    name="cancel.shielded-block",
    question="A task is cancelled inside a shielded block: where does it see that?",
    contract=("A wait inside a shield is not cancelled from outside.", "The cancellation is delivered behind it."),
    ref="harness_scenarios.behaviours.cancel_cleanup:shielded_block",
    answers={
        BEHIND_THE_SHIELD: allowed("a shield delays a cancellation", _TRIO_CLEANUP),
        INSIDE_THE_SHIELD: forbidden("a wait inside a shield is not cancelled from outside", _TRIO_CLEANUP),
        LOST: forbidden("a shield delays a cancellation, it does not drop it", _TRIO_CLEANUP),
    },
    repetitions=5,
    requires=(Capability.CANCEL_SCOPE, Capability.SHIELD),
    catches=("cancels-nothing", "shields-nothing"),
)


# --- an abandoned async generator ---

WHOLE = "its `finally` runs whole"
TO_ITS_FIRST_WAIT = "its `finally` runs to its first wait"
NEVER = "its `finally` never runs"
FINALLY_BY_STEPS = {0: NEVER, 1: TO_ITS_FIRST_WAIT, 2: WHOLE}


async def _drop_generator(runtime: Runtime, trial: Trial) -> str:
    reached: list[str] = []

    def reach(what: str) -> None:
        trial.step("generator", what)
        reached.append(what)

    await _take_the_first(runtime, reach)
    gc.collect()
    await _take_turns(runtime)
    return FINALLY_BY_STEPS[len(reached)]


async def _take_the_first(runtime: Runtime, reach: Callable[[str], None]) -> None:
    async for _ in _count(runtime, reach):
        break


async def _count(runtime: Runtime, reach: Callable[[str], None]) -> AsyncIterator[int]:
    try:
        yield 1
        yield 2
    finally:
        reach("enters its finally")
        await runtime.checkpoint()
        reach("has waited in its finally")


dropped_generator = make_question(
    _drop_generator,
    name="cancel.dropped-generator",
    question="An async generator is dropped after a `break`: does its `finally` run?",
    contract=(),
    ref="harness_scenarios.behaviours.cancel_cleanup:dropped_generator",
    answers={
        WHOLE: allowed(
            "the loop closes a generator that was dropped", "https://peps.python.org/pep-0525/#finalization"
        ),
        TO_ITS_FIRST_WAIT: interesting(
            "the generator is closed, but must not wait any more", "https://github.com/python-trio/trio/issues/265"
        ),
        NEVER: interesting(
            "a generator that was dropped is not closed", "https://peps.python.org/pep-0525/#finalization"
        ),
    },
    repetitions=3,
)


async def _take_turns(runtime: Runtime) -> None:
    for _ in range(TURNS):
        await runtime.checkpoint()


SCENARIOS: tuple[Scenario, ...] = (
    cleanup_waits,
    again_in_cleanup,
    shielded_call,
    shielded_block,
    dropped_generator,
)
