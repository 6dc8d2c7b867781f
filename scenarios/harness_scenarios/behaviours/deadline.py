"""Which block a deadline ends, when it is looked at, and whom it reaches."""

from __future__ import annotations

import time

from harness.api import Capability, ErrorKind, Harm, Runtime, Scenario, allowed, forbidden, interesting

from .cancel_target import FAR_SECONDS, TURNS, Target, swallowing
from .question import NOTED, Trial, make_question

_SHORT = 0.002
"""A deadline that is waited for. Nothing depends on how late it fires."""
_TRIO_NESTED = "https://trio.readthedocs.io/en/stable/reference-core.html#cancellation-and-timeouts"
_CURIO_NESTED = "https://curio.readthedocs.io/en/latest/reference.html#timeouts"
_POINTS = "https://trio.readthedocs.io/en/stable/reference-core.html#cancellation-and-primitive-operations"


def hold_up(seconds: float) -> None:
    """Block the thread that runs this, and with it whoever shares it."""
    time.sleep(seconds)


# --- nested deadlines ---

OUTER_BLAMED = "the outer block ends, the inner one is only cancelled"
INNER_BLAMED = "the inner block says that it timed out"
NOBODY_BLAMED = "no block says that it timed out"


async def _let_outer_pass_first(runtime: Runtime, trial: Trial) -> str:
    never = runtime.create_event()
    blamed: list[str] = []
    try:
        async with runtime.fail_after(_SHORT):
            try:
                async with runtime.fail_after(FAR_SECONDS):
                    trial.step("task", "waits in two blocks")
                    await never.wait()
            except BaseException as exc:
                kind = runtime.classify(exc)
                trial.step("task", f"leaves the inner block: {kind}")
                if kind is ErrorKind.DEADLINE:
                    blamed.append(INNER_BLAMED)
                raise
    except BaseException as exc:  # of a deadline too: not on every runtime is that an Exception
        if runtime.classify(exc) is not ErrorKind.DEADLINE:
            raise
        trial.step("task", "leaves the outer block: deadline")
        blamed.append(OUTER_BLAMED)
    return blamed[0] if blamed else NOBODY_BLAMED


outer_passes_first = make_question(
    _let_outer_pass_first,
    name="deadline.outer-passes-first",
    question="The deadline of an outer block passes before that of the inner one: which of them is blamed?",
    contract=("Nested blocks end at their own deadline.",),
    ref="harness_scenarios.behaviours.deadline:outer_passes_first",
    answers={
        OUTER_BLAMED: allowed("the block whose deadline passed", _TRIO_NESTED),
        INNER_BLAMED: forbidden("the inner block still had time", _CURIO_NESTED),
        NOBODY_BLAMED: forbidden("a block that timed out says so"),
    },
    repetitions=5,
    requires=(Capability.DEADLINE,),
    catches=("time-out-hidden", "wrong-scope-blamed"),
)


INNER_ALONE = "the inner block ends, the outer one goes on"
OUTER_TOO = "the outer block is ended too"


async def _let_inner_pass_first(runtime: Runtime, trial: Trial) -> str:
    never = runtime.create_event()
    answer = OUTER_TOO
    async with runtime.move_on_after(FAR_SECONDS):
        async with runtime.move_on_after(_SHORT) as inner:
            trial.step("task", "waits in two blocks")
            await never.wait()
        trial.step("task", "has left the inner block")
        for _ in range(TURNS):
            await runtime.checkpoint()
        answer = INNER_ALONE if inner.cancelled_caught else NOBODY_BLAMED
    trial.step("task", answer)
    return answer


inner_passes_first = make_question(
    _let_inner_pass_first,
    name="deadline.inner-passes-first",
    question="The deadline of an inner block passes first: does the outer block go on?",
    contract=("Nested blocks end at their own deadline.",),
    ref="harness_scenarios.behaviours.deadline:inner_passes_first",
    answers={
        INNER_ALONE: allowed("the block whose deadline passed", _TRIO_NESTED),
        OUTER_TOO: forbidden("the outer block still had time", _TRIO_NESTED),
        NOBODY_BLAMED: forbidden("a block that timed out says so"),
    },
    repetitions=5,
    requires=(Capability.DEADLINE,),
    catches=("time-out-hidden", "scope-lies", "time-out-spreads-outwards"),
)


OUTER_ALONE = "the wait ends both, the outer block is blamed"
ONE_BY_ONE = "the wait ends the inner block, the next wait the outer one"
OUTER_LOST = "the outer block runs on behind its deadline"


async def _let_both_pass(runtime: Runtime, trial: Trial) -> str:
    never = runtime.create_event()
    answer = OUTER_ALONE
    deadline = runtime.now() + _SHORT
    async with runtime.open_cancel_scope(deadline=deadline) as outer:
        async with runtime.open_cancel_scope(deadline=deadline):
            hold_up(2 * _SHORT)
            trial.step("task", "waits behind both deadlines")
            await never.wait()
        trial.step("task", "has left the inner block alone")
        answer = ONE_BY_ONE
        for _ in range(TURNS):
            await runtime.checkpoint()
        answer = OUTER_LOST
    trial.step("task", answer)
    return answer if outer.cancelled_caught or answer == OUTER_LOST else NOBODY_BLAMED


both_pass_at_once = make_question(
    _let_both_pass,
    name="deadline.both-pass-at-once",
    question="Two nested blocks have the same deadline: which of them does it end?",
    contract=("Each block whose deadline has passed is left at its next wait.",),
    ref="harness_scenarios.behaviours.deadline:both_pass_at_once",
    answers={
        OUTER_ALONE: allowed("what ends the outer block ends all that is in it", _TRIO_NESTED),
        ONE_BY_ONE: interesting("each block is ended by its own deadline"),
        OUTER_LOST: forbidden(
            "the outer block lives on without its deadline", "https://github.com/python/cpython/issues/116720"
        ),
        NOBODY_BLAMED: forbidden("a block that timed out says so"),
    },
    repetitions=5,
    requires=(Capability.DEADLINE,),
    catches=("time-out-hidden", "outer-deadline-forgotten"),
)


# --- when a deadline is looked at ---

FIRST_WAIT = "its first wait is cancelled"
LATER_WAIT = "a later wait is cancelled"
NO_WAIT = "it runs on"


async def _enter_after_deadline(runtime: Runtime, trial: Trial) -> str:
    passed = 0
    async with runtime.open_cancel_scope(deadline=runtime.now() - 1.0):
        for _ in range(TURNS):
            await runtime.checkpoint()
            passed += 1
            trial.step("task", f"has passed checkpoint {passed}")
    return {0: FIRST_WAIT, TURNS: NO_WAIT}.get(passed, LATER_WAIT)


in_the_past = make_question(
    _enter_after_deadline,
    name="deadline.in-the-past",
    question="A block is entered whose deadline has passed: how far does it run?",
    contract=("A block whose deadline has passed is left at its next wait.",),
    ref="harness_scenarios.behaviours.deadline:in_the_past",
    answers={
        FIRST_WAIT: allowed("a deadline in the past has passed", _TRIO_NESTED),
        LATER_WAIT: interesting("the deadline is a timer, which takes a turn of the loop to fire"),
        NO_WAIT: forbidden("a block whose deadline has passed is left at its next wait", _TRIO_NESTED),
    },
    repetitions=5,
    requires=(Capability.DEADLINE,),
    catches=("deadlines-forgotten",),
)


RESULT_WINS = "the item is received"
DEADLINE_WINS = "the deadline wins, the item is still there"
ITEM_LOST = "the deadline wins, the item is lost"


async def _receive_with_no_time(runtime: Runtime, trial: Trial) -> str:
    send, receive = runtime.open_channel(1)
    await send.send("item")
    answers: list[str] = []
    async with runtime.move_on_after(0):
        await receive.receive()
        answers.append(RESULT_WINS)
    if not answers:
        answers.append(DEADLINE_WINS if send.buffered() else ITEM_LOST)
    trial.step("task", answers[0])
    await send.aclose()
    await receive.aclose()
    return answers[0]


zero_and_ready = make_question(
    _receive_with_no_time,
    name="deadline.zero-and-ready",
    question="An operation that is ready is given no time at all: does it complete?",
    contract=("A cancelled receive has taken nothing.",),
    ref="harness_scenarios.behaviours.deadline:zero_and_ready",
    answers={
        RESULT_WINS: allowed("what need not wait does not look at the deadline"),
        DEADLINE_WINS: interesting("a time-out of 0 is no way to try: the deadline is looked at first", _POINTS),
        ITEM_LOST: forbidden("a cancelled receive has taken nothing", _POINTS, harm=Harm.DATA),
    },
    repetitions=5,
    requires=(Capability.DEADLINE, Capability.CHANNEL),
    catches=("cancelled-receive-drops",),
)


NO_ERROR = "the block ends by itself, in silence"
TOLD = "the block says that it timed out"
NEXT_WAIT = "a wait behind the block is cancelled"


async def _outlive_deadline_without_wait(runtime: Runtime, trial: Trial) -> str:
    with swallowing(runtime):
        try:
            async with runtime.fail_after(_SHORT):
                hold_up(2 * _SHORT)
            answer = NO_ERROR
        except BaseException as exc:
            if runtime.classify(exc) is not ErrorKind.DEADLINE:
                raise
            answer = TOLD
        trial.step("task", answer)
        for _ in range(TURNS):
            await runtime.checkpoint()
        return answer
    return NEXT_WAIT


block_without_wait = make_question(
    _outlive_deadline_without_wait,
    name="deadline.block-without-wait",
    question="A block that never waits takes longer than its deadline: is that a time-out?",
    contract=("The code behind the block is not cancelled.",),
    ref="harness_scenarios.behaviours.deadline:block_without_wait",
    answers={
        NO_ERROR: allowed("an operation that was not cut short has not failed", _TRIO_NESTED),
        TOLD: interesting("the deadline is looked at when the block ends", _CURIO_NESTED),
        NEXT_WAIT: forbidden("a deadline reaches no further than its block", _TRIO_NESTED),
    },
    repetitions=5,
    requires=(Capability.DEADLINE,),
    catches=("cancellation-left-behind",),
)


WHILE_IT_RUNS = "it fires while the loop runs"
BEHIND_THE_LOOP = "it fires only when the loop has ended"
NOT_EVEN_THEN = "it does not fire"
_LOOP_TIMEOUT = 0.05
_ROUNDS_TOO_MANY = 200
"""Rounds after the deadline from which on it counts as not fired."""


async def _loop_on_ready_operations(runtime: Runtime, trial: Trial) -> str:
    send, receive = runtime.open_channel(4)
    late = -1
    answer = WHILE_IT_RUNS
    # Not `runtime.now()`: a loop may keep its clock still until it turns.
    deadline = time.monotonic() + _LOOP_TIMEOUT
    async with runtime.move_on_after(_LOOP_TIMEOUT):
        trial.step("task", "sends and receives items that are always ready")
        while late < _ROUNDS_TOO_MANY:
            await send.send("item")
            await receive.receive()
            late += time.monotonic() > deadline
        answer = BEHIND_THE_LOOP
        for _ in range(TURNS):
            await runtime.checkpoint()
        answer = NOT_EVEN_THEN
    trial.step("task", answer)
    trial.observe("rounds behind the deadline", late + 1)
    await send.aclose()
    await receive.aclose()
    return answer


always_ready_loop = make_question(
    _loop_on_ready_operations,
    name="deadline.always-ready-loop",
    question="A loop of operations that are always ready has a time-out of 50 ms: when does it fire?",
    contract=("A block whose deadline has passed is left at its next wait.",),
    ref="harness_scenarios.behaviours.deadline:always_ready_loop",
    answers={
        WHILE_IT_RUNS: allowed("every operation is a checkpoint", _POINTS),
        BEHIND_THE_LOOP: interesting(
            "what need not wait does not yield: the loop runs to its end, whatever the time-out says",
            "https://github.com/python/asyncio/issues/263",
        ),
        NOT_EVEN_THEN: forbidden("a block whose deadline has passed is left at its next wait"),
    },
    judges={"rounds behind the deadline": NOTED},
    repetitions=1,
    requires=(Capability.DEADLINE, Capability.CHANNEL),
    catches=("deadlines-forgotten",),
)


# --- whom it reaches ---

CHILDREN_END = "the children are cancelled, the block says that it timed out"
CHILD_LEFT = "a child was not cancelled"
SILENT = "the children are cancelled, the block does not say that it timed out"


async def _time_out_a_group(runtime: Runtime, trial: Trial) -> str:
    cancelled: list[int] = []
    never = runtime.create_event()

    async def child(number: int) -> None:
        try:
            trial.step(f"child {number}", "waits")
            await never.wait()
        except BaseException as exc:
            trial.step(f"child {number}", "is cancelled")
            if runtime.is_cancelled(exc):
                cancelled.append(number)
            raise

    async with runtime.move_on_after(_SHORT) as block, runtime.open_task_group() as group:
        await group.spawn(child, 1)
        await group.spawn(child, 2)
    if len(cancelled) < _CHILDREN:
        return CHILD_LEFT
    return CHILDREN_END if block.cancelled_caught else SILENT


_CHILDREN = 2

reaches_children = make_question(
    _time_out_a_group,
    name="deadline.reaches-children",
    question="A block that waits for a group of tasks times out: are the tasks cancelled?",
    contract=("No task outlives its group.", "The tasks of a group are cancelled with the block around it."),
    ref="harness_scenarios.behaviours.deadline:reaches_children",
    answers={
        CHILDREN_END: allowed("the tasks of a group are in the scopes of their parent", _TRIO_NESTED),
        CHILD_LEFT: forbidden("the tasks of a group are cancelled with the block around it", _TRIO_NESTED),
        SILENT: forbidden("a block that timed out says so"),
    },
    repetitions=5,
    requires=(Capability.DEADLINE,),
    catches=("time-out-hidden", "child-outlives-group"),
)


# --- in the clean-up ---

ITS_OWN = "its own deadline ends the clean-up"
CUT_SHORT = "the cancellation cuts the clean-up short"
CANCELLATION_LOST = "the cancellation is lost behind the clean-up"


async def _time_out_in_cleanup(runtime: Runtime, trial: Trial) -> str:
    target = Target(runtime, trial)
    never = runtime.create_event()

    async def clean_up() -> None:
        target.step("cleans up")
        target.answer = CUT_SHORT
        async with runtime.move_on_after(_SHORT):
            await never.wait()
        target.answer = ITS_OWN

    async def work() -> None:
        async with runtime.open_cancel_scope() as scope:
            target.stand_in(scope)
            try:
                await target.wait_for_ever()
            finally:
                await clean_up()
        if not scope.cancelled_caught:
            target.answer = CANCELLATION_LOST
        target.step(target.answer)

    return await target.cancel_in(work)


in_cleanup = make_question(
    _time_out_in_cleanup,
    name="deadline.in-cleanup",
    question="A cancelled task gives its clean-up a deadline of its own: does that deadline end it?",
    contract=("A deadline inside a clean-up ends the operations in its scope.", "The cancellation is not lost."),
    ref="harness_scenarios.behaviours.deadline:in_cleanup",
    answers={
        ITS_OWN: allowed("a cancellation is an edge: a clean-up may wait"),
        CUT_SHORT: interesting("cancellation is a level: a clean-up that waits needs a shield", _POINTS),
        CANCELLATION_LOST: forbidden("a cancellation goes on behind the clean-up"),
    },
    repetitions=5,
    requires=(Capability.CANCEL_SCOPE, Capability.DEADLINE),
)


SCENARIOS: tuple[Scenario, ...] = (
    outer_passes_first,
    inner_passes_first,
    both_pass_at_once,
    in_the_past,
    zero_and_ready,
    block_without_wait,
    always_ready_loop,
    reaches_children,
    in_cleanup,
)
