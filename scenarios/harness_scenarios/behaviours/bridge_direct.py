"""Effects of a thread that uses a scheduler's objects without the bridge, as programs do by mistake.

No runtime promises anything here, so little is forbidden: the answers show the different effects that users meet.
"""

from __future__ import annotations

from functools import wraps

from harness.api import Capability, Graded, Harm, Runtime, Scenario, allowed, forbidden, interesting

from .bridge_exhibit import (
    AT_ONCE,
    BROKEN,
    DIES,
    LATE,
    LOST,
    REFUSED,
    Exhibit,
    Prepare,
    channel,
    event,
    scope,
    task,
)
from .question import Ask, Trial, make_question

_NEEDS = (Capability.BRIDGE, Capability.DIRECT_CALL, Capability.GROUP_CANCEL)
_NOT_THREAD_SAFE = "https://docs.python.org/3/library/asyncio-dev.html#concurrency-and-multithreading"
_TRIO_DIES = "https://github.com/python-trio/trio/issues/2398"


def _ask(prepare: Prepare) -> Ask:
    @wraps(prepare, assigned=(), updated=())
    async def ask(runtime: Runtime, trial: Trial) -> str:
        touches = 4 if trial.number % 2 else 1
        return await Exhibit(runtime, trial, prepare, touches).show()

    return ask


def _answers(what: str) -> dict[str, Graded]:
    return {
        AT_ONCE: allowed("on threads everything is made for threads"),
        REFUSED: allowed("the mistake is shown where it is made"),
        LATE: interesting(
            f"{what} without a word, and the sleeping loop is not woken: asyncio's objects are not thread-safe",
            _NOT_THREAD_SAFE,
        ),
        DIES: interesting(
            "the error is raised in the thread, and the run has ended with it (TrioInternalError)",
            _TRIO_DIES,
            harm=Harm.CRASH,
        ),
        BROKEN: interesting(
            "the error comes too late: what waited is taken out of the queue and is not woken by anything any more",
            _TRIO_DIES,
        ),
        LOST: forbidden("a call that was accepted has an effect, or is refused", harm=Harm.DATA),
    }


direct_item = make_question(
    _ask(channel),
    name="bridge.direct-item",
    question="A thread puts an item into a channel without the bridge: what becomes of it?",
    contract=("An item that was accepted is not lost.",),
    ref="harness_scenarios.behaviours.bridge_direct:direct_item",
    answers=_answers("the item is accepted"),
    repetitions=1,
    catches=("direct-call-lost",),
    requires=(*_NEEDS, Capability.CHANNEL, Capability.SELECT, Capability.DEADLINE),
    seconds=30.0,
)

direct_event = make_question(
    _ask(event),
    name="bridge.direct-event",
    question="A thread sets an event without the bridge: does the task that waits wake up?",
    contract=("A flag that was set wakes the task that waits, sooner or later.",),
    ref="harness_scenarios.behaviours.bridge_direct:direct_event",
    answers=_answers("the flag is set"),
    repetitions=1,
    catches=("direct-call-lost",),
    screening=False,
    requires=(*_NEEDS, Capability.SELECT, Capability.DEADLINE),
    seconds=30.0,
)

direct_task = make_question(
    _ask(task),
    name="bridge.direct-task",
    question="A thread starts a task in a group without the bridge: does the task run?",
    contract=("A task that was started runs, sooner or later.",),
    ref="harness_scenarios.behaviours.bridge_direct:direct_task",
    answers=_answers("the task is created"),
    repetitions=1,
    catches=("direct-call-lost",),
    screening=False,
    requires=(*_NEEDS, Capability.SELECT, Capability.DEADLINE),
    seconds=30.0,
)

direct_cancel = make_question(
    _ask(scope),
    name="bridge.direct-cancel",
    question="A thread cancels a scope without the bridge: does the task leave it?",
    contract=("A task that was cancelled leaves, sooner or later.",),
    ref="harness_scenarios.behaviours.bridge_direct:direct_cancel",
    answers=_answers("the cancellation is accepted"),
    repetitions=1,
    catches=("direct-call-lost",),
    screening=False,
    requires=(*_NEEDS, Capability.SELECT, Capability.DEADLINE, Capability.CANCEL_SCOPE),
    seconds=30.0,
)

SCENARIOS: tuple[Scenario, ...] = (direct_item, direct_event, direct_task, direct_cancel)
