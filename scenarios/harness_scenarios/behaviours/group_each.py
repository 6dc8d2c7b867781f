"""A failure or a cancellation of one task among several, at each position: which of the others does it reach?

Where a failure cancels siblings, it cancels each of them. Where it does not (threads), a witness frees them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.api import (
    CancelScope,
    Capability,
    Event,
    Harm,
    Runtime,
    Scenario,
    TaskGroup,
    allowed,
    forbidden,
    interesting,
)

from .cancel_target import PlannedFailureError
from .fairness_turns import FEW_TURNS, give_turns
from .group_failure import leave_group, take_turns, wait_a_while
from .positions import SIZES, list_positions
from .question import LONG_TRIAL_SECONDS, NEVER_ENDS, NOTED, Trial, make_question

_TASK_GROUP = "https://docs.python.org/3/library/asyncio-task.html#asyncio.TaskGroup"
_EAGER = "https://github.com/python/cpython/issues/128550"

# --- a failure ---

EACH = "each of the others is cancelled"
NONE = "none of the others is cancelled"
SOME = "some are cancelled, and one is not"

_BODY, _TASK, _CHAIN = "the body", "a task of the group", "a task that a task has started"


@dataclass(frozen=True, slots=True)
class _Case:
    """What fails, how early, and which task has started it."""

    size: int
    position: int
    starter: str
    waits_first: bool

    def __str__(self) -> str:
        when = "after a wait" if self.waits_first else "in its first step"
        return f"{self.starter} starts number {self.position + 1} of {self.size + 1}, which fails {when}"


def _cases() -> Iterator[_Case]:
    """Yield each case. What fails in its first step is the last: a group that has failed may refuse more tasks."""
    for size in SIZES:
        for position in list_positions(size + 1):
            yield _Case(size, position, _BODY, waits_first=True)
        yield _Case(size, size, _BODY, waits_first=False)
    for starter in (_TASK, _CHAIN):
        for position in list_positions(_FEW + 1):
            yield _Case(_FEW, position, starter, waits_first=True)
        yield _Case(_FEW, _FEW, starter, waits_first=False)


_FEW = 2


class _Failure:
    """One case: tasks that wait, and one that fails. A task that starts another one waits behind that."""

    def __init__(self, runtime: Runtime, case: _Case, *, is_patient: bool) -> None:
        self._runtime = runtime
        self._case = case
        self._is_patient = is_patient
        self._start, self._failed, self._permit, self._ended = (runtime.create_event() for _ in range(4))
        self._waiting = 0
        self.fates: list[bool] = []
        """Of each task that waited, whether it was cancelled."""

    async def play(self) -> None:
        """Play it in a task of its own, which ends with what its failed group has left (group.cancel-after-failure)."""
        async with self._runtime.open_task_group() as outside:
            await outside.spawn(self._free)
            await outside.spawn(leave_group, self._runtime, self._body)

    async def _body(self, group: TaskGroup) -> None:
        for number in range(self._case.size + 1):
            if number == self._case.position:
                await self._start_failing(group, _LEVELS[self._case.starter])
            else:
                await group.spawn(self._wait)
        await self._start.set()

    async def _start_failing(self, group: TaskGroup, levels: int) -> None:
        if levels:
            await group.spawn(self._start_and_wait, group, levels)
        else:
            await group.spawn(self._fail)

    async def _start_and_wait(self, group: TaskGroup, levels: int) -> None:
        await self._start_failing(group, levels - 1)
        await self._wait()

    async def _fail(self) -> None:
        if self._case.waits_first:
            await self._start.wait()
        await self._failed.set()
        raise PlannedFailureError

    async def _wait(self) -> None:
        self._waiting += 1
        is_cancelled = False
        try:
            await self._permit.wait()
        except BaseException as exc:
            is_cancelled = self._runtime.is_cancelled(exc)
            raise
        finally:
            self.fates.append(is_cancelled)
            self._waiting -= 1
            if not self._waiting:
                await self._ended.set()

    async def _free(self) -> None:
        try:
            await self._failed.wait()
            if self._is_patient:
                await take_turns(self._runtime)
            if self._waiting and (self._is_patient or any(self.fates)):
                await wait_a_while(self._runtime, self._ended)
        finally:  # also at the limit of the trial: a task that cannot be cancelled holds its group
            await self._runtime.run_shielded(self._permit.set)


_LEVELS = {_BODY: 0, _TASK: 1, _CHAIN: 2}
"""Tasks between the body and the one that fails."""


async def _fail_at_each_position(runtime: Runtime, trial: Trial) -> str:
    answer = EACH
    for case in _cases():
        scene = _Failure(runtime, case, is_patient=answer == EACH)
        await scene.play()
        if any(scene.fates) and not all(scene.fates):
            trial.observe("case", str(case))
            trial.step("sibling", f"is not cancelled: {case}")
            return SOME
        answer = answer if all(scene.fates) else NONE
    return answer


failure_cancels_each = make_question(
    _fail_at_each_position,
    name="group.failure-cancels-each-task",
    question="One task of several fails, at each position, started by the body or a task: which tasks are cancelled?",
    contract=("A failure that cancels a task of the group cancels each of them.", "The block ends."),
    ref="harness_scenarios.behaviours.group_each:failure_cancels_each",
    answers={
        EACH: allowed("the group ends with its first failure", _TASK_GROUP),
        NONE: interesting("the others run on until they end by themselves"),
        SOME: forbidden("the group waits for a task that nothing cancels", _EAGER, harm=Harm.HANG),
        NEVER_ENDS: forbidden("the group waits for a task that nothing cancels", _EAGER),
    },
    judges={"case": NOTED},
    repetitions=1,
    seconds=LONG_TRIAL_SECONDS,
    variants=("asyncio:eager=true", "uvloop:eager=true"),
    catches=("first-child-not-cancelled", "third-child-not-cancelled", "fourth-child-not-waited-for"),
)


# --- a cancellation of one ---

ONE_ENDS = "that one ends, the others run on"
NONE_ENDS = "it runs on"
OTHERS_END = "another one is cancelled too"
LEAVES_EARLY = "the group ends before its clean-up has"


class _Crowd:
    """Tasks of a group, each in a scope of its own, with a clean-up that takes some turns."""

    def __init__(self, runtime: Runtime, size: int) -> None:
        self._runtime = runtime
        self._permit, self._begun = runtime.create_event(), runtime.create_event()
        self._scopes: dict[int, CancelScope] = {}
        self.cancelled: list[int] = []
        self.served: list[int] = []
        self._size = size

    async def cancel_one(self, position: int) -> str:
        async with self._runtime.open_task_group() as group:
            for number in range(self._size):
                waits = self._runtime.create_event()
                await group.spawn(self._wait, number, waits)
                await waits.wait()
            await give_turns(self._runtime, FEW_TURNS)
            await self._scopes[position].cancel()
            async with self._runtime.move_on_after(_PATIENCE):
                await self._begun.wait()
            await self._permit.set()
        return self._describe(position)

    async def _wait(self, number: int, waits: Event) -> None:
        async with self._runtime.open_cancel_scope() as scope:
            self._scopes[number] = scope
            await waits.set()
            try:
                await self._permit.wait()
                self.served.append(number)
            except BaseException as exc:
                if self._runtime.is_cancelled(exc):
                    await self._runtime.run_shielded(self._clean_up, number)
                raise

    async def _clean_up(self, number: int) -> None:
        await self._begun.set()
        await give_turns(self._runtime, FEW_TURNS)
        self.cancelled.append(number)

    def _describe(self, position: int) -> str:
        if position in self.served:
            return NONE_ENDS
        if len(self.served) + 1 < self._size:
            return OTHERS_END
        return ONE_ENDS if self.cancelled == [position] else LEAVES_EARLY


_PATIENCE = 0.5
"""Limit of the wait for a cancellation that is not delivered."""


async def _cancel_each_position(runtime: Runtime, trial: Trial) -> str:
    for size in SIZES:
        for position in list_positions(size):
            answer = await _Crowd(runtime, size).cancel_one(position)
            if answer != ONE_ENDS:
                trial.observe("case", f"number {position + 1} of {size}")
                return answer
    return ONE_ENDS


cancel_one = make_question(
    _cancel_each_position,
    name="group.cancel-one-of-several",
    question="One task of several is cancelled, at each position: does that one end, after its clean-up, and no other?",
    contract=(
        "A cancellation reaches the tasks in its scope, and no other.",
        "The block of a group does not end before the clean-up of its tasks has.",
    ),
    ref="harness_scenarios.behaviours.group_each:cancel_one",
    answers={
        ONE_ENDS: allowed("a cancellation reaches the tasks in its scope"),
        NONE_ENDS: forbidden("the cancellation is lost"),
        OTHERS_END: forbidden("a cancellation reaches the tasks in its scope, and no other"),
        LEAVES_EARLY: forbidden("no task of a group runs behind its block"),
        NEVER_ENDS: forbidden("a task waits for ever"),
    },
    judges={"case": NOTED},
    repetitions=1,
    seconds=LONG_TRIAL_SECONDS,
    requires=(Capability.CANCEL_SCOPE,),
    catches=("cancel-reaches-the-next-scope", "cancels-nothing", "shielded-clean-up-not-waited-for"),
)

SCENARIOS: tuple[Scenario, ...] = (failure_cancels_each, cancel_one)
