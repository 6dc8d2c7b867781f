"""State of a condition after a time-out."""

from __future__ import annotations

from harness.api import Capability, Parameter, Runtime, Scenario, allowed, forbidden, grid

from .question import Trial, make_question

_SHORT = 0.002
"""A deadline that is waited for. Nothing depends on how late it fires."""
_CONDITION = "https://github.com/python/asyncio/pull/346 (and bpo-42600: the same in asyncio, fixed)"

HELD = "the waiter holds the lock"
NOT_HELD = "the waiter goes on without the lock"
ENTERED = "the waiter goes on while another task holds the lock"


async def _time_out_condition_wait(runtime: Runtime, trial: Trial) -> str:
    meeting = _Meeting(runtime, trial)
    async with runtime.open_task_group() as group:
        if trial.parameters["lock"] == "taken":
            await group.spawn(meeting.notify_and_stay)
        await meeting.wait()
    return meeting.answer


class _Meeting:
    """A waiter that times out and, if the lock shall be taken then, one who notified it and still holds the lock."""

    def __init__(self, runtime: Runtime, trial: Trial) -> None:
        self.answer = HELD
        self._runtime = runtime
        self._step = trial.step
        self._condition = runtime.create_condition()
        self._waits = runtime.create_event()
        self._inside = False

    async def wait(self) -> None:
        """Wait for the condition with a time-out, look around, and give the lock up."""
        await self._condition.acquire()
        async with self._runtime.move_on_after(_SHORT):
            self._step("waiter", "waits")
            await self._waits.set()
            await self._condition.wait()
        self._step("waiter", "goes on")
        if self._inside:
            self.answer = ENTERED
        await self._release("waiter")

    async def notify_and_stay(self) -> None:
        """Notify the waiter, and hold the lock that it needs until its deadline has passed."""
        await self._waits.wait()
        await self._condition.acquire()
        self._inside = True
        self._step("notifier", "notifies")
        await self._condition.notify()
        await self._runtime.sleep(3 * _SHORT)
        self._inside = False
        await self._release("notifier")

    async def _release(self, who: str) -> None:
        try:
            await self._condition.release()
            self._step(who, "releases the lock")
        except Exception as exc:  # noqa: BLE001 - the class differs between runtimes, the failure is the answer
            self._step(who, f"cannot release the lock: {type(exc).__name__}: {exc}")
            if self.answer == HELD:
                self.answer = NOT_HELD


condition_wait = make_question(
    _time_out_condition_wait,
    name="deadline.condition-wait",
    question="A wait for a condition times out, perhaps while it takes the lock again: is the lock held behind it?",
    contract=("A wait for a condition ends with the lock held, however it ends.",),
    ref="harness_scenarios.behaviours.deadline_condition:condition_wait",
    answers={
        HELD: allowed("a wait for a condition ends with the lock held, however it ends"),
        NOT_HELD: forbidden("a wait for a condition ends with the lock held, however it ends", _CONDITION),
        ENTERED: forbidden(
            "the lock is not taken again: two tasks are inside, and one of the releases fails with "
            "AssertionError: Lock not acquired",
            _CONDITION,
        ),
    },
    parameters=(
        Parameter(
            name="lock",
            default="taken",
            summary="whether another task, which has notified the waiter, holds the lock at the deadline",
            choices=("taken", "free"),
        ),
    ),
    rows={"quick": grid(lock=("taken", "free"))},
    repetitions=5,
    requires=(Capability.DEADLINE,),
    catches=("wait-cancelled-while-it-locks",),
)


SCENARIOS: tuple[Scenario, ...] = (condition_wait,)
