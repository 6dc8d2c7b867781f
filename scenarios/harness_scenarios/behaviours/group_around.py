"""Effects of a failure in a group on the code around the group: another group, or a block that can be cancelled.

(group.py covers the effects on the group's own tasks and on their parent.)
"""

from __future__ import annotations

from harness.api import Capability, Parameter, Runtime, Scenario, TaskGroup, allowed, forbidden, grid, interesting

from .cancel_target import PlannedFailureError
from .group_failure import leave_group, take_turns
from .question import Trial, make_question

_TASK_GROUP = "https://docs.python.org/3/library/asyncio-task.html#asyncio.TaskGroup"
_GATHER = "https://docs.python.org/3/library/asyncio-task.html#asyncio.gather"
_NURSERY = "https://trio.readthedocs.io/en/stable/reference-core.html#errors-in-multiple-child-tasks"
_CURIO_GROUP = "curio 1.6, docstring of TaskGroup: errors are reported by its property `result`"
_THREAD = "https://docs.python.org/3/library/threading.html#threading.excepthook"

# --- nested groups ---

OUTER_CANCELLED = "the outer body is cancelled"
OUTER_RUNS_ON = "the outer body runs on"
NO_BODY_ENDS = "neither failure ends a body that waits"


async def _fail_nested(runtime: Runtime, trial: Trial) -> str:
    start, permit = runtime.create_event(), runtime.create_event()
    fails = [runtime.create_event(), runtime.create_event()]
    answer = [OUTER_CANCELLED]

    async def child(number: int) -> None:
        await start.wait()
        trial.step(f"{_LEVELS[number]} child", "fails")
        await fails[number].set()
        raise PlannedFailureError

    async def inner_body(group: TaskGroup) -> None:
        await group.spawn(child, 1, name="inner child")
        await permit.wait()
        answer[0] = NO_BODY_ENDS

    async def outer_body(group: TaskGroup) -> None:
        await group.spawn(child, 0, name="outer child")
        await leave_group(runtime, inner_body)
        trial.step("body", "is behind the inner block")
        await permit.wait()
        if answer[0] == OUTER_CANCELLED:
            answer[0] = OUTER_RUNS_ON

    async def witness() -> None:
        await take_turns(runtime)
        await start.set()
        for event in fails:
            await event.wait()
        await take_turns(runtime)
        trial.step("witness", "frees who still waits")
        await permit.set()

    async with runtime.open_task_group() as outside:
        await outside.spawn(witness)
        await leave_group(runtime, outer_body)
    trial.step("body", answer[0])
    return answer[0]


_LEVELS = ("outer", "inner")

nested_failures = make_question(
    _fail_nested,
    name="group.nested-failures",
    question="A group and the one inside it fail in one turn, and the inner error is caught: does the outer body end?",
    contract=("Each failed group ends its own body.",),
    ref="harness_scenarios.behaviours.group_around:nested_failures",
    answers={
        OUTER_CANCELLED: allowed("each group cancels its own body", _TASK_GROUP),
        OUTER_RUNS_ON: forbidden(
            "the inner group swallows the cancellation of the outer one: asyncio up to Python 3.12",
            "https://github.com/python/cpython/issues/116720",
        ),
        NO_BODY_ENDS: interesting("a failed task is seen when the body has ended, not before", _CURIO_GROUP),
    },
    repetitions=5,
)


# --- a cancellation after a failure ---

ENDS_THE_BLOCK = "the block around the group ends as it should"
LEAKS = "the cancellation leaves its block"

_BODY_ENDED, _BODY_WAITS = "the body has ended", "the body waits"


async def _cancel_after_failure(runtime: Runtime, trial: Trial) -> str:
    never = runtime.create_event()
    answer = [LEAKS]

    async def child() -> None:
        await take_turns(runtime)
        trial.step("child", "fails")
        raise PlannedFailureError

    async def body(group: TaskGroup) -> None:
        await group.spawn(child)
        if trial.parameters["when"] == _BODY_WAITS:
            async with runtime.move_on_after(_LONG_ENOUGH):
                await never.wait()

    async def parent() -> None:
        try:
            async with runtime.open_cancel_scope() as scope:
                await leave_group(runtime, body)
                trial.step("parent", "has caught the error and is cancelled")
                await scope.cancel()
                await never.wait()
            answer[0] = ENDS_THE_BLOCK
        finally:
            trial.step("parent", answer[0])

    async with runtime.open_task_group() as outside:
        await outside.spawn(parent)
    return answer[0]


_LONG_ENOUGH = 0.02
"""How long a body waits that no failure ends; what ends one does so in a few turns."""

cancel_after_failure = make_question(
    _cancel_after_failure,
    name="group.cancel-after-failure",
    question="A group fails, the error is caught, and the block around is cancelled: does that block end as it should?",
    contract=("A group that has failed leaves nothing behind: a later cancellation stays in its block.",),
    ref="harness_scenarios.behaviours.group_around:cancel_after_failure",
    answers={
        ENDS_THE_BLOCK: allowed("the group restores the state of its parent at its end", _TASK_GROUP),
        LEAKS: forbidden(
            "a TaskGroup whose body had ended forgets to `uncancel` its parent: asyncio up to Python 3.12; every "
            "asyncio.timeout around it then misses that it expired",
            "https://github.com/python/cpython/issues/116720",
        ),
    },
    parameters=(
        Parameter(
            name="when",
            default=_BODY_ENDED,
            summary="the state of the group as its task fails",
            choices=(_BODY_ENDED, _BODY_WAITS),
        ),
    ),
    rows={"quick": grid(when=(_BODY_ENDED, _BODY_WAITS))},
    repetitions=3,
    requires=(Capability.CANCEL_SCOPE, Capability.DEADLINE),
)


SCENARIOS: tuple[Scenario, ...] = (nested_failures, cancel_after_failure)
