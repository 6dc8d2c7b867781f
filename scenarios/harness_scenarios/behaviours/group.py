"""Effects of a failure in a task group: on the parent, on the siblings, and on other failures.

A failing task sets an event and fails without a wait in between. A witness outside of the group gives the other task a
while to end, and then frees it: a task that has to be freed was not cancelled.
"""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable

from harness.api import Capability, Runtime, Scenario, TaskGroup, allowed, forbidden, interesting

from .cancel_target import PlannedFailureError
from .group_failure import ToldFailureError, leave_block, leave_group, planned_leaves, take_turns, wait_a_while
from .question import Trial, make_question

_TASK_GROUP = "https://docs.python.org/3/library/asyncio-task.html#asyncio.TaskGroup"
_GATHER = "https://docs.python.org/3/library/asyncio-task.html#asyncio.gather"
_NURSERY = "https://trio.readthedocs.io/en/stable/reference-core.html#errors-in-multiple-child-tasks"
_CURIO_GROUP = "curio 1.6, docstring of TaskGroup: errors are reported by its property `result`"
_THREAD = "https://docs.python.org/3/library/threading.html#threading.excepthook"


class _Scene:
    """State shared by the tasks of a trial, with the permit that ends a task that is not cancelled."""

    def __init__(self, runtime: Runtime, trial: Trial) -> None:
        self.runtime = runtime
        self.step = trial.step
        self.fate = ""
        self.waits, self.fails, self.permit, self.ended = (runtime.create_event() for _ in range(4))

    async def fail(self, actor: str) -> None:
        """Fail, when the other one waits."""
        await self.waits.wait()
        self.step(actor, "fails")
        await self.fails.set()
        raise PlannedFailureError(actor)

    async def wait(self, actor: str, free: str, cancelled: str) -> None:
        """Wait to be freed or cancelled, and say which it was."""
        self.fate = cancelled
        try:
            self.step(actor, "waits")
            await self.waits.set()
            await self.permit.wait()
            self.fate = free
        finally:
            self.step(actor, self.fate)
            await self.ended.set()

    async def permit_after_failure(self) -> None:
        """Free the task that still waits after the failure has had its effect."""
        await self.fails.wait()
        await wait_a_while(self.runtime, self.ended)
        self.step("witness", "frees who still waits")
        await self.permit.set()


async def _play(scene: _Scene, act: Callable[[], Awaitable[None]]) -> None:
    """Run an act beside the witness, until whoever waited has ended, also behind its group."""
    async with scene.runtime.open_task_group() as outside:
        await outside.spawn(scene.permit_after_failure, name="witness")
        await act()
        await scene.ended.wait()


# --- the parent ---

IN_A_GROUP = "the parent gets it in an exception group"
AS_IT_IS = "the parent gets it as it is"
NEVER = "the parent never gets it"


async def _fail_in_a_child(runtime: Runtime, trial: Trial) -> str:
    async def child() -> None:
        trial.step("child", "fails")
        raise PlannedFailureError("child")

    async def body(group: TaskGroup) -> None:
        await group.spawn(child)
        trial.step("parent", "waits for the child")

    raised = await leave_group(runtime, body)
    answer = _describe_arrival(raised)
    trial.step("parent", answer)
    return answer


def _describe_arrival(raised: BaseException | None) -> str:
    if raised is None:
        return NEVER
    return IN_A_GROUP if isinstance(raised, BaseExceptionGroup) else AS_IT_IS


reaches_the_parent = make_question(
    _fail_in_a_child,
    name="group.failure-reaches-the-parent",
    question="A task of a group fails: does its parent get the error, and as what?",
    contract=("The block ends.",),
    ref="harness_scenarios.behaviours.group:reaches_the_parent",
    answers={
        IN_A_GROUP: allowed("several tasks can fail, so a group is raised", _TASK_GROUP),
        AS_IT_IS: interesting("the first error is raised as itself; a group would need `except*`", _GATHER),
        NEVER: interesting(
            "the parent goes on as if nothing was and has to ask each task", f"{_CURIO_GROUP}; {_THREAD}"
        ),
    },
    repetitions=5,
    variants=("asyncio:group=gather", "uvloop:group=gather"),
    catches=("failure-wakes-nobody",),
)


# --- a sibling ---

CANCELLED = "the sibling is cancelled"
RUNS_ON = "the sibling runs on"


async def _fail_beside_a_sibling(runtime: Runtime, trial: Trial) -> str:
    scene = _Scene(runtime, trial)

    async def body(group: TaskGroup) -> None:
        await group.spawn(scene.wait, "sibling", RUNS_ON, CANCELLED, name="sibling")
        await group.spawn(scene.fail, "child", name="child")

    async def act() -> None:
        await leave_group(runtime, body)
        trial.step("parent", "has left the block")

    await _play(scene, act)
    return scene.fate


cancels_siblings = make_question(
    _fail_beside_a_sibling,
    name="group.failure-cancels-siblings",
    question="A task of a group fails while a sibling waits: is the sibling cancelled?",
    contract=("The sibling ends.",),
    ref="harness_scenarios.behaviours.group:cancels_siblings",
    answers={
        CANCELLED: allowed("the group has failed, so what its other tasks do is of no use any more", _TASK_GROUP),
        RUNS_ON: interesting("it works on for a result that is not collected", f"{_GATHER}; {_THREAD}"),
    },
    repetitions=2,
    variants=("asyncio:group=gather", "uvloop:group=gather"),
)


# --- the body ---

CHILD_CANCELLED_GROUP = "the child is cancelled, the error is raised in an exception group"
CHILD_CANCELLED_PLAIN = "the child is cancelled, the error is raised as it is"
CHILD_CANCELLED_LOST = "the child is cancelled, the error is lost"
CHILD_RUNS_ON = "the child runs on"


async def _fail_in_the_body(runtime: Runtime, trial: Trial) -> str:
    scene = _Scene(runtime, trial)
    answers = {
        IN_A_GROUP: CHILD_CANCELLED_GROUP,
        AS_IT_IS: CHILD_CANCELLED_PLAIN,
        NEVER: CHILD_CANCELLED_LOST,
    }

    async def body(group: TaskGroup) -> None:
        await group.spawn(scene.wait, "child", CHILD_RUNS_ON, "", name="child")
        await scene.fail("body")

    async def act() -> None:
        arrival = _describe_arrival(await leave_group(runtime, body))
        trial.step("parent", arrival)
        scene.fate = scene.fate or answers[arrival]

    await _play(scene, act)
    return scene.fate


failure_in_the_body = make_question(
    _fail_in_the_body,
    name="group.failure-in-the-body",
    question="The body of a group fails while a task of it waits: what becomes of the task, and of the error?",
    contract=("The task is cancelled: no other task is left to end it.", "The error leaves the block."),
    ref="harness_scenarios.behaviours.group:failure_in_the_body",
    answers={
        CHILD_CANCELLED_GROUP: allowed("the body is one of those that can fail", _TASK_GROUP),
        CHILD_CANCELLED_PLAIN: interesting("the body's error passes through; a group would need `except*`"),
        CHILD_CANCELLED_LOST: forbidden("an error of the body leaves the block", _TASK_GROUP),
        CHILD_RUNS_ON: forbidden("the block would wait for what only its body could end", _TASK_GROUP),
    },
    repetitions=2,
    variants=("asyncio:group=gather", "uvloop:group=gather"),
    catches=("failure-swallowed", "failed-body-cancels-nobody"),
)


# --- two failures ---

BOTH_RAISED = "both errors are raised"
ONE_RAISED = "one error is raised, the other one is reported"
NEITHER_RAISED = "neither error is raised, both are reported"
ONE_LOST = "an error is lost"
NOT_CANCELLED = "the other task is not cancelled"


async def _fail_twice(runtime: Runtime, trial: Trial) -> str:
    start = runtime.create_event()
    ready = [runtime.create_event(), runtime.create_event()]
    ended = [runtime.create_event(), runtime.create_event()]
    failures = [ToldFailureError("one child"), ToldFailureError("the other child")]

    async def child(number: int) -> None:
        try:
            await ready[number].set()
            await start.wait()
            trial.step(f"child {number}", "fails")
            raise failures[number]
        finally:
            await ended[number].set()

    async def body(group: TaskGroup) -> None:
        for number in (0, 1):
            await group.spawn(child, number, name=f"child {number}")
        for event in ready:
            await event.wait()
        trial.step("parent", "lets both fail")
        await start.set()

    raised = await leave_group(runtime, body)
    for event in ended:
        await event.wait()
    await take_turns(runtime)
    return _settle(trial, raised, failures)


def _settle(trial: Trial, raised: BaseException | None, failures: list[ToldFailureError]) -> str:
    """Say what became of the errors: raised ones are counted, the others must have been reported."""
    gc.collect()  # some runtimes report a forgotten error at collection
    arrived = planned_leaves(raised)
    answer = (NEITHER_RAISED, ONE_RAISED, BOTH_RAISED)[len(arrived)]
    if not all(failure in arrived or failure.told for failure in failures):
        answer = ONE_LOST
    trial.step("parent", answer)
    return answer


_TWO_FAILURES = {
    BOTH_RAISED: allowed("each error reaches the parent", _NURSERY),
    ONE_RAISED: interesting("the parent sees the first error alone"),
    NEITHER_RAISED: interesting("errors are logged, the parent has to ask each task", f"{_CURIO_GROUP}; {_THREAD}"),
    ONE_LOST: forbidden("an error is neither raised nor reported", _GATHER),
}

two_failures = make_question(
    _fail_twice,
    name="group.two-failures",
    question="Two tasks of a group fail in one turn: is each error raised or reported?",
    contract=("No error is lost: each is raised, or reported by the runtime.",),
    ref="harness_scenarios.behaviours.group:two_failures",
    answers=_TWO_FAILURES,
    repetitions=5,
    variants=("asyncio:group=gather", "uvloop:group=gather"),
    catches=("second-failure-lost",),
)


async def _fail_in_cleanup(runtime: Runtime, trial: Trial) -> str:
    scene = _Scene(runtime, trial)
    failures = [ToldFailureError("child"), ToldFailureError("the clean-up")]

    async def child() -> None:
        await scene.waits.wait()
        trial.step("child", "fails")
        await scene.fails.set()
        raise failures[0]

    async def sibling() -> None:
        try:
            await scene.wait("sibling", NOT_CANCELLED, "")
        except BaseException as exc:
            if runtime.is_cancelled(exc):
                trial.step("sibling", "fails in its clean-up")
                raise failures[1] from None
            raise

    async def body(group: TaskGroup) -> None:
        await group.spawn(sibling)
        await group.spawn(child)

    async def act() -> None:
        raised = await leave_group(runtime, body)
        await scene.ended.wait()
        scene.fate = scene.fate or _settle(trial, raised, failures)

    await _play(scene, act)
    return scene.fate


failure_in_cleanup = make_question(
    _fail_in_cleanup,
    name="group.failure-in-cleanup",
    question="A task that is cancelled because its sibling failed fails too: is each error raised or reported?",
    contract=("No error is lost: each is raised, or reported by the runtime.",),
    ref="harness_scenarios.behaviours.group:failure_in_cleanup",
    answers={**_TWO_FAILURES, NOT_CANCELLED: allowed("siblings of a failed task run on", f"{_GATHER}; {_THREAD}")},
    repetitions=2,
    variants=("asyncio:group=gather", "uvloop:group=gather"),
    catches=("second-failure-lost",),
)


# --- a failure against a cancellation ---

RAISED = "the error is raised"
REPORTED = "the error is reported, the cancellation goes on"
LOST = "the error is lost"


async def _fail_while_cancelled(runtime: Runtime, trial: Trial) -> str:
    waits, never = runtime.create_event(), runtime.create_event()
    failure = ToldFailureError("the clean-up")

    async def child() -> None:
        try:
            await waits.set()
            await never.wait()
        except BaseException as exc:
            if runtime.is_cancelled(exc):
                trial.step("child", "fails in its clean-up")
                raise failure from None
            raise

    async def block() -> None:
        async with runtime.open_cancel_scope() as scope, runtime.open_task_group() as group:
            await group.spawn(child)
            await waits.wait()
            trial.step("parent", "is cancelled")
            await scope.cancel()
            await never.wait()

    arrived = failure in planned_leaves(await leave_block(block))
    await take_turns(runtime)
    gc.collect()
    answer = RAISED if arrived else REPORTED if failure.told else LOST
    trial.step("parent", answer)
    return answer


failure_while_cancelled = make_question(
    _fail_while_cancelled,
    name="group.failure-while-cancelled",
    question="The parent of a task is cancelled and the task fails in its clean-up: what becomes of the error?",
    contract=("The error is not lost: it is raised, or reported by the runtime.",),
    ref="harness_scenarios.behaviours.group:failure_while_cancelled",
    answers={
        RAISED: allowed("an error is stronger than a cancellation", _NURSERY),
        REPORTED: interesting("the cancellation is stronger; the error is only logged", f"{_CURIO_GROUP}; {_THREAD}"),
        LOST: forbidden("the error is neither raised nor reported", _GATHER),
    },
    repetitions=5,
    requires=(Capability.CANCEL_SCOPE,),
    variants=("asyncio:group=gather", "uvloop:group=gather"),
    catches=("failure-swallowed",),
)


SCENARIOS: tuple[Scenario, ...] = (
    reaches_the_parent,
    cancels_siblings,
    failure_in_the_body,
    two_failures,
    failure_in_cleanup,
    failure_while_cancelled,
)
