"""Lifetime of a task group, the start of its tasks, and their inheritance."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar

from harness.api import (
    Capability,
    Parameter,
    Runtime,
    Scenario,
    TaskGroup,
    allowed,
    forbidden,
    grid,
    interesting,
)

from .cancel_target import PlannedFailureError
from .group_failure import leave_group, take_turns, wait_a_while
from .question import Trial, make_question

_TASK_GROUP = "https://docs.python.org/3/library/asyncio-task.html#asyncio.TaskGroup"
_GATHER = "https://docs.python.org/3/library/asyncio-task.html#asyncio.gather"
_START_SOON = "https://trio.readthedocs.io/en/stable/reference-core.html#trio.Nursery.start_soon"
_TRIO_ORDER = "https://github.com/python-trio/trio/issues/970"
_PEP_567 = "https://peps.python.org/pep-0567/"

# --- no task outlives its group ---

ALL_ENDED = "every task has ended behind the block"
OUTLIVES = "a task outlives the block"

_BODY, _FAILURE, _CANCELLATION = "the end of the body", "a failure of a sibling", "a cancellation"
_CLEANS_UP, _IGNORES = "cleans up", "ignores the cancellation"


class _Stubborn:
    """A task that needs some turns after its block has begun to end, whether it is cancelled or not."""

    def __init__(self, runtime: Runtime, trial: Trial) -> None:
        self._runtime = runtime
        self._ignores = trial.parameters["task"] == _IGNORES
        self._step = trial.step
        self.waits, self.permit, self.ended = (runtime.create_event() for _ in range(3))
        self.has_ended = False

    async def run(self) -> None:
        try:
            await self.waits.set()
            await self.permit.wait()
        except BaseException as exc:
            if not self._runtime.is_cancelled(exc):
                raise
            self._step("task", "is cancelled")
            await self._work_on()
            if not self._ignores:
                raise
        else:
            await self._work_on()
        finally:
            self.has_ended = True
            self._step("task", "ends")
            await self.ended.set()

    async def _work_on(self) -> None:
        for _ in range(2):
            try:
                await take_turns(self._runtime)
            except BaseException as exc:
                if not self._runtime.is_cancelled(exc):
                    raise


async def _end_a_group(runtime: Runtime, trial: Trial) -> str:
    task = _Stubborn(runtime, trial)

    async def fail() -> None:
        await task.waits.wait()
        trial.step("sibling", "fails")
        raise PlannedFailureError

    async def body(group: TaskGroup) -> None:
        await group.spawn(task.run, name="task")
        await task.waits.wait()
        match trial.parameters["by"]:
            case "a failure of a sibling":
                await group.spawn(fail, name="sibling")
            case "a cancellation":
                await group.cancel()
        trial.step("parent", "ends the body")

    return await _look_behind(runtime, trial, task, body)


async def _look_behind(
    runtime: Runtime, trial: Trial, task: _Stubborn, body: Callable[[TaskGroup], Awaitable[None]]
) -> str:
    async def witness() -> None:
        await task.waits.wait()
        await take_turns(runtime)
        await task.permit.set()

    async with runtime.open_task_group() as outside:
        await outside.spawn(witness, name="witness")
        await leave_group(runtime, body)
        answer = ALL_ENDED if task.has_ended else OUTLIVES
        trial.step("parent", answer)
        await task.ended.wait()
    return answer


no_task_outlives_it = make_question(
    _end_a_group,
    name="group.no-task-outlives-it",
    question="A group ends while a task of it still has something to do, and does it: does the block wait for it?",
    contract=("No task of a group runs behind its block.",),
    ref="harness_scenarios.behaviours.group_lifetime:no_task_outlives_it",
    answers={
        ALL_ENDED: allowed("the block waits for its tasks, however long they take", _TASK_GROUP),
        OUTLIVES: forbidden("the task is orphaned: resources that it uses may be closed under it", _GATHER),
    },
    parameters=(
        Parameter(
            name="by",
            default=_FAILURE,
            summary="what ends the group",
            choices=(_BODY, _FAILURE, _CANCELLATION),
        ),
        Parameter(
            name="task",
            default=_CLEANS_UP,
            summary="reaction of the task to its cancellation",
            choices=(_CLEANS_UP, _IGNORES),
        ),
    ),
    rows={
        "quick": (
            *grid(by=(_FAILURE, _CANCELLATION), task=(_CLEANS_UP, _IGNORES)),
            {"by": _BODY},
        )
    },
    repetitions=3,
    requires=(Capability.GROUP_CANCEL,),
    variants=("asyncio:group=gather", "uvloop:group=gather"),
    catches=("child-outlives-group",),
)


# --- spawn into a group that is closing ---

LATE_RUNS = "the task runs"
LATE_IS_CANCELLED = "the task starts and is cancelled at its first wait"
LATE_NEVER_STARTS = "the task never starts"
LATE_IS_REFUSED = "spawn raises"
LATE_RUNS_ON = "the task runs on in a cancelled group"
LATE_IS_NOBODYS = "the task runs, and belongs to nobody"

_BODY_ENDED, _CANCELLED, _ENDED = "its body has ended", "it is cancelled", "it has ended"


class _LateTask:
    """A task that is spawned late, and what became of it."""

    def __init__(self, runtime: Runtime, trial: Trial) -> None:
        self.fate = LATE_NEVER_STARTS
        self._runtime = runtime
        self._step = trial.step
        self.permit = runtime.create_event()
        self.ended = runtime.create_event()

    async def run(self) -> None:
        try:
            self.fate = LATE_IS_CANCELLED
            self._step("late task", "starts")
            await self.permit.wait()
            self.fate = LATE_RUNS
        finally:
            self._step("late task", self.fate)
            await self.ended.set()

    async def spawn_into(self, group: TaskGroup) -> None:
        try:
            await group.spawn(self.run, name="late task")
        except Exception as exc:
            if self._runtime.is_cancelled(exc):
                raise
            self.fate = LATE_IS_REFUSED
            self._step("spawner", f"spawn raises {type(exc).__name__}")
            await self.ended.set()


async def _spawn_late(runtime: Runtime, trial: Trial) -> str:
    late = _LateTask(runtime, trial)
    match trial.parameters["when"]:
        case "its body has ended":
            return await _spawn_behind_body(runtime, late)
        case "it is cancelled":
            return await _spawn_when_cancelled(runtime, late)
        case _:
            return await _spawn_behind_block(runtime, late)


async def _spawn_behind_body(runtime: Runtime, late: _LateTask) -> str:
    async def child() -> None:
        await take_turns(runtime)
        await late.permit.set()
        await late.spawn_into(group)

    async with runtime.open_task_group() as group:
        await group.spawn(child)
    return late.fate


async def _spawn_when_cancelled(runtime: Runtime, late: _LateTask) -> str:
    waits, spawned, never = (runtime.create_event() for _ in range(3))

    async def child() -> None:
        try:
            await waits.set()
            await never.wait()
        finally:
            await late.spawn_into(group)
            await spawned.set()

    async def witness() -> None:
        await spawned.wait()
        await wait_a_while(runtime, late.ended)
        await late.permit.set()

    async with runtime.open_task_group() as outside:
        await outside.spawn(witness)
        async with runtime.open_task_group() as group:
            await group.spawn(child)
            await waits.wait()
            await group.cancel()
    return LATE_RUNS_ON if late.fate == LATE_RUNS else late.fate


async def _spawn_behind_block(runtime: Runtime, late: _LateTask) -> str:
    async with runtime.open_task_group() as group:
        await runtime.checkpoint()
    await late.permit.set()
    await late.spawn_into(group)
    await wait_a_while(runtime, late.ended)
    return LATE_IS_NOBODYS if late.fate == LATE_RUNS else late.fate


spawn_late = make_question(
    _spawn_late,
    name="group.spawn-late",
    question="A task is spawned into a group that is about to end, or has ended: what becomes of it?",
    contract=(
        "It runs in the group, is cancelled with it, or is refused.",
        "No task runs in a group that has ended.",
    ),
    ref="harness_scenarios.behaviours.group_lifetime:spawn_late",
    answers={
        LATE_RUNS: allowed("the group is open as long as a task of it runs", _START_SOON),
        LATE_IS_CANCELLED: allowed("it shares the fate of the group", _START_SOON),
        LATE_NEVER_STARTS: interesting("a task that was accepted is dropped: what was handed over to it is leaked"),
        LATE_IS_REFUSED: allowed("the group says that it takes no more tasks", _TASK_GROUP),
        LATE_RUNS_ON: forbidden("a cancelled group ends every task of it", _TASK_GROUP),
        LATE_IS_NOBODYS: forbidden("no task runs behind its block", _GATHER),
    },
    parameters=(
        Parameter(
            name="when",
            default=_BODY_ENDED,
            summary="the state of the group",
            choices=(_BODY_ENDED, _CANCELLED, _ENDED),
        ),
    ),
    rows={"quick": grid(when=(_CANCELLED, _BODY_ENDED, _ENDED))},
    repetitions=3,
    requires=(Capability.GROUP_CANCEL,),
    variants=("asyncio:group=gather", "uvloop:group=gather"),
    catches=("late-child-accepted",),
)


# --- order of the first steps ---

IN_ORDER = "in the order of spawning"
IN_REVERSE = "in reverse"
IN_ANOTHER_ORDER = "in another order"


async def _record_starts(runtime: Runtime, trial: Trial) -> str:
    started: list[int] = []

    async def child(number: int) -> None:
        started.append(number)
        trial.step(f"child {number}", f"starts as number {len(started)}")

    numbers = list(range(trial.parameters["tasks"]))
    async with runtime.open_task_group() as group:
        for number in numbers:
            await group.spawn(child, number)
    if started == numbers:
        return IN_ORDER
    return IN_REVERSE if started == numbers[::-1] else IN_ANOTHER_ORDER


start_order = make_question(
    _record_starts,
    name="group.start-order",
    question="Several tasks are spawned: in which order do they take their first steps?",
    contract=("Each starts once.",),
    ref="harness_scenarios.behaviours.group_lifetime:start_order",
    answers={
        IN_ORDER: allowed("both are documented or undefined"),
        IN_REVERSE: interesting("trio reverses every other batch on purpose, so that nobody relies on it", _TRIO_ORDER),
        IN_ANOTHER_ORDER: allowed("the operating system decides; both are documented or undefined"),
    },
    parameters=(Parameter(name="tasks", default=5, summary="how many tasks are spawned", at_least=2),),
)


# --- context variables ---

COPIED = "each task has a copy of its parent's context"
SHARED = "parent and child share one context"
EMPTY = "the child starts with an empty context"

_OWNER: ContextVar[str] = ContextVar("harness_owner", default="nobody")


async def _inherit_context(runtime: Runtime, trial: Trial) -> str:
    seen: list[str] = []

    async def child() -> None:
        seen.append(_OWNER.get())
        trial.step("child", f"reads {_OWNER.get()}")
        _OWNER.set("child")

    token = _OWNER.set("parent")
    try:
        async with runtime.open_task_group() as group:
            await group.spawn(child)
        trial.step("parent", f"reads {_OWNER.get()}")
        if _OWNER.get() == "child":
            return SHARED
        return COPIED if seen == ["parent"] else EMPTY
    finally:
        _OWNER.reset(token)


context_inherited = make_question(
    _inherit_context,
    name="group.context-inherited",
    question="A context variable is set before a task is spawned: what does the task see, and who sees its changes?",
    contract=("A task reads what its parent has set, or the default.",),
    ref="harness_scenarios.behaviours.group_lifetime:context_inherited",
    answers={
        COPIED: allowed("the context is copied as the task is created", _PEP_567),
        SHARED: interesting(
            "a change that one task makes is seen by all: request ids and the like get mixed up",
            "curio 1.6: contexts need Kernel(taskcls=ContextTask)",
        ),
        EMPTY: interesting(
            "a new thread has a context of its own, which is empty before Python 3.14",
            "PEP 567; thread_inherit_context",
        ),
    },
    repetitions=3,
)


SCENARIOS: tuple[Scenario, ...] = (
    no_task_outlives_it,
    spawn_late,
    start_order,
    context_inherited,
)
