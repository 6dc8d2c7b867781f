"""Calls into a scheduler that has ended, or is about to, and two schedulers in one process."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any

from harness.api import (
    Bridge,
    Capability,
    Event,
    Harm,
    Parameter,
    Runtime,
    Scenario,
    allowed,
    bridge_of,
    forbidden,
    grid,
    interesting,
)

from ..parts.sandbox import (
    PATIENCE_SECONDS,
    THREAD_PATIENCE_SECONDS,
    ForeignCall,
    Sandbox,
    WaitsForeverError,
    call_in_thread,
    run_limited,
    wait_until,
)
from .question import NOTED, Trial, make_question

_BRIDGE = (Capability.BRIDGE,)
_CALL = (Capability.BRIDGE, Capability.BRIDGE_CALL)
_MODULE = "harness_scenarios.behaviours.bridge_end"
_CLOSED = "https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.close"
_FINISHED = "https://trio.readthedocs.io/en/stable/reference-core.html#trio.RunFinishedError"

REFUSED = "the call is refused"
MADE = "the call is made"
SWALLOWED = "the call is accepted, and nothing becomes of it"
WAITS = "the thread waits for ever"
ELSEWHERE = "the call is made by another scheduler"

# --- after the end ---

_INBOX, _EVENT, _SOON, _RUN = "put an item", "set an event", "call soon", "run a function"
_CALLS = (_INBOX, _EVENT, _SOON, _RUN)


class _Ended:
    """A scheduler that has ended, and the references to it that a thread may still hold."""

    def __init__(self, runtime: Runtime) -> None:
        self.made: list[int] = []
        """The threads that have made a call."""
        self._runtime = runtime
        self._held: dict[str, Callable[[], object]] = {}

    async def end(self) -> None:
        """Start a scheduler and let it end."""

        async def main(inner: Runtime) -> None:
            await inner.checkpoint()
            self._hold(bridge_of(inner))

        await Sandbox(self._runtime, main).until_ended()

    def _hold(self, bridge: Bridge) -> None:
        box, event = bridge.open_inbox(), bridge.create_event()

        async def note() -> None:
            self._note()

        self._held = {
            _INBOX: lambda: box.put("item"),
            _EVENT: event.set,
            _SOON: lambda: bridge.call_soon(self._note),
            _RUN: lambda: run_limited(bridge, note, seconds=PATIENCE_SECONDS / 2),
        }

    def _note(self) -> None:
        self.made.append(threading.get_ident())

    async def call(self, how: str) -> tuple[str, int]:
        """Call into it from a thread; return the answer, and the identity of that thread."""
        ident: list[int] = []

        def make() -> None:
            ident.append(threading.get_ident())
            self._held[how]()

        asked = await call_in_thread(self._runtime, make, seconds=PATIENCE_SECONDS)
        if not asked.ended or isinstance(asked.error, WaitsForeverError):
            return WAITS, ident[0]
        if asked.error is not None:
            return REFUSED, ident[0]
        return MADE if self.made else SWALLOWED, ident[0]


async def _call_after_end(runtime: Runtime, trial: Trial) -> str:
    ended = _Ended(runtime)
    await ended.end()
    answer, _ = await ended.call(trial.parameters["call"])
    trial.step("thread", answer)
    return answer


_HOW = Parameter(name="call", default=_INBOX, summary="the call that the thread makes", choices=_CALLS)

_ENDED_AND_TAKES = "a scheduler that has ended takes calls of threads"
"""The symptom of every call that is not refused."""
_KEEPS = "a scheduler that has ended keeps its descriptors"
"""The symptom of a scheduler that is not closed as it ends, and can therefore still be called."""
_AFTER_END = {
    REFUSED: allowed("the thread gets the error that the scheduler has ended", _FINISHED),
    MADE: allowed("a thread makes the call itself: there is no scheduler that could have ended"),
    SWALLOWED: interesting(
        "a queue between threads takes items whether there are receivers or not",
        symptom=_ENDED_AND_TAKES,
        follows_from=_KEEPS,
    ),
    WAITS: forbidden(
        "a thread does not wait for a scheduler that has ended",
        symptom=_ENDED_AND_TAKES,
        follows_from=_KEEPS,
        harm=Harm.HANG,
    ),
}

hand_over_after_end = make_question(
    _call_after_end,
    name="bridge.hand-over-after-end",
    question="A thread puts an item or sets an event after the scheduler has ended: is it told?",
    contract=("The thread does not wait for ever.",),
    ref=f"{_MODULE}:hand_over_after_end",
    answers=_AFTER_END,
    repetitions=2,
    parameters=(_HOW,),
    rows={"quick": grid(call=(_INBOX, _EVENT))},
    catches=("call-after-end-waits",),
    screening=False,
    requires=_BRIDGE,
    seconds=30.0,
)

call_after_end = make_question(
    _call_after_end,
    name="bridge.call-after-end",
    question="A thread calls into a scheduler that has ended: is it told?",
    contract=("The thread does not wait for ever.",),
    ref=f"{_MODULE}:call_after_end",
    answers=_AFTER_END
    | {
        SWALLOWED: forbidden("a call that will never be made is refused", symptom=_ENDED_AND_TAKES, follows_from=_KEEPS)
    },
    repetitions=2,
    parameters=(_HOW,),
    rows={"quick": grid(call=(_SOON, _RUN))},
    catches=("call-soon-forgotten", "call-after-end-waits", "call-after-end-swallowed"),
    requires=_CALL,
    seconds=30.0,
)


async def _call_into_the_next_run(runtime: Runtime, trial: Trial) -> str:
    """Call into a scheduler that has ended while another one runs."""
    ended = _Ended(runtime)
    await ended.end()
    over = threading.Event()
    threads: list[int] = []

    async def main(inner: Runtime) -> None:
        threads.append(threading.get_ident())
        while not over.is_set():
            await inner.sleep(0.002)

    sandbox = Sandbox(runtime, main)
    await wait_until(runtime, lambda: bool(threads), PATIENCE_SECONDS)
    answer, own = await ended.call(_SOON)
    over.set()
    await sandbox.until_ended()
    trial.step("thread", answer)
    if ended.made and own not in ended.made:
        return ELSEWHERE
    return answer


next_run = make_question(
    _call_into_the_next_run,
    name="bridge.call-into-next-run",
    question="A thread calls into a scheduler that has ended while the next one runs: which one makes the call?",
    contract=("A call for one scheduler is not made by another one.",),
    ref=f"{_MODULE}:next_run",
    answers={
        REFUSED: allowed("the bridge leads to one run only", _FINISHED),
        MADE: allowed("a thread makes the call itself"),
        SWALLOWED: forbidden(
            "a call that will never be made is refused", symptom=_ENDED_AND_TAKES, follows_from=_KEEPS
        ),
        ELSEWHERE: forbidden("the other scheduler knows nothing of the call"),
        WAITS: forbidden("a thread does not wait for a scheduler that has ended", harm=Harm.HANG),
    },
    repetitions=2,
    catches=("call-after-end-waits", "call-after-end-swallowed", "bridge-leads-to-the-latest-run"),
    screening=False,
    requires=_CALL,
    seconds=30.0,
)

# --- as the scheduler ends ---

ENDS_WITH_RESULT = "the thread gets the result"
TOLD = "the thread is told that there is no result"
_ENDS_ANSWERS = {
    ENDS_WITH_RESULT: allowed("the call is made before the end, or by the thread itself"),
    TOLD: allowed("the call is cancelled or refused, and the thread gets that error", _FINISHED),
    WAITS: forbidden("a scheduler that ends tells the threads that wait for it", harm=Harm.HANG),
}


async def _judge_call(runtime: Runtime, trial: Trial, calls: list[ForeignCall]) -> str:
    await wait_until(runtime, lambda: bool(calls) and calls[0].ended, 4 * PATIENCE_SECONDS)
    trial.step("thread", f"gets {calls[0].value!r}, {type(calls[0].error).__name__}")
    if not calls[0].ended or isinstance(calls[0].error, WaitsForeverError):
        return WAITS
    return ENDS_WITH_RESULT if calls[0].error is None else TOLD


async def _end_meanwhile(runtime: Runtime, trial: Trial) -> str:
    started = threading.Event()
    calls: list[ForeignCall] = []

    async def wait_long(inner: Runtime) -> None:
        started.set()
        await inner.sleep(PATIENCE_SECONDS / 2)

    async def main(inner: Runtime) -> None:
        calls.append(ForeignCall(run_limited, bridge_of(inner), wait_long, inner))
        while not started.is_set():
            await inner.sleep(0.002)

    await Sandbox(runtime, main).until_ended()
    return await _judge_call(runtime, trial, calls)


end_meanwhile = make_question(
    _end_meanwhile,
    name="bridge.end-while-a-call-waits",
    question="The scheduler ends while a thread waits for a call that has begun: is the thread told?",
    contract=("A thread does not wait for a scheduler that has ended.",),
    ref=f"{_MODULE}:end_meanwhile",
    answers=_ENDS_ANSWERS,
    repetitions=2,
    catches=("pending-call-forgotten",),
    requires=_CALL,
    seconds=30.0,
)


async def _call_as_it_ends(runtime: Runtime, trial: Trial) -> str:
    calls: list[ForeignCall] = []

    async def answer_late(inner: Runtime) -> str:
        await inner.sleep(0.05)
        return "answer"

    async def linger(inner: Runtime, bridge: Bridge, never: Event) -> None:
        try:
            async with inner.move_on_after(PATIENCE_SECONDS / 2):  # where the end cancels nothing
                await never.wait()
        finally:
            # The scheduler ends, and a thread asks for a call before this clean-up is done.
            asked = threading.Event()
            calls.append(ForeignCall(_ask_and_wait, bridge, asked, answer_late, inner))
            asked.wait(PATIENCE_SECONDS)

    async def main(inner: Runtime) -> None:
        await inner.spawn_detached(linger, inner, bridge_of(inner), inner.create_event())
        await inner.checkpoint()

    await Sandbox(runtime, main).until_ended()
    return await _judge_call(runtime, trial, calls)


def _ask_and_wait(bridge: Bridge, asked: threading.Event, fn: Callable[..., Awaitable[Any]], *args: object) -> object:
    """Submit a job, set `asked`, and wait for the job."""
    try:
        job = bridge.submit(fn, *args)
    finally:
        asked.set()
    try:
        return job.result(THREAD_PATIENCE_SECONDS)
    except TimeoutError:
        raise WaitsForeverError from None


call_as_it_ends = make_question(
    _call_as_it_ends,
    name="bridge.call-as-it-ends",
    question="A thread asks for a call while the scheduler ends its tasks: is the thread told?",
    contract=("A thread does not wait for a scheduler that has ended.",),
    ref=f"{_MODULE}:call_as_it_ends",
    answers=_ENDS_ANSWERS,
    repetitions=1,
    catches=("last-call-forgotten",),
    requires=(*_CALL, Capability.BRIDGE_JOB, Capability.DETACHED, Capability.DEADLINE),
    seconds=30.0,
)

# --- two schedulers ---

EACH_ANSWERED = "every call is answered, in both directions"
SOME_UNANSWERED = "calls are not answered"
NOT_STARTED = "a scheduler does not run its main function"
WRONG_THREAD = "calls are made in the wrong thread"
_CALLS_EACH = 25


async def _call_each_other(runtime: Runtime, trial: Trial) -> str:
    over = threading.Event()
    homes: dict[str, int] = {}
    made: list[bool] = []

    async def run(name: str, inner: Runtime) -> None:
        homes[name] = threading.get_ident()
        while not over.is_set():
            await inner.sleep(0.001)

    sandboxes = {
        "first": Sandbox(runtime, lambda inner: run("first", inner)),
        "second": Sandbox(runtime, lambda inner: run("second", inner)),
    }
    if not await wait_until(runtime, lambda: len(homes) == len(sandboxes), 4 * PATIENCE_SECONDS):
        over.set()
        return NOT_STARTED

    def call(name: str) -> None:
        bridge = sandboxes[name].bridge
        assert bridge is not None

        async def note() -> None:
            made.append(threading.get_ident() not in others)

        others = [ident for other, ident in homes.items() if other != name]
        for _ in range(_CALLS_EACH):
            run_limited(bridge, note)

    calls = [ForeignCall(call, name) for name in (*homes, *homes)]
    await wait_until(runtime, lambda: all(one.ended for one in calls), 4 * PATIENCE_SECONDS)
    over.set()
    for sandbox in sandboxes.values():
        await sandbox.until_ended()
    trial.observe("calls", len(made))
    if not all(made):
        return WRONG_THREAD
    return EACH_ANSWERED if len(made) == len(calls) * _CALLS_EACH else SOME_UNANSWERED


two_schedulers = make_question(
    _call_each_other,
    name="bridge.two-schedulers",
    question="Two schedulers in one process are called by two threads each: is every call answered, in its own thread?",
    contract=("Two schedulers in one process do not disturb each other.",),
    ref=f"{_MODULE}:two_schedulers",
    answers={
        EACH_ANSWERED: allowed("each bridge leads to its own scheduler"),
        SOME_UNANSWERED: forbidden("a call is answered"),
        NOT_STARTED: forbidden("each scheduler runs its main function"),
        WRONG_THREAD: forbidden("a call is made by the scheduler that it was meant for, or by the caller itself"),
    },
    repetitions=1,
    judges={"calls": NOTED},
    catches=("bridge-leads-to-the-latest-run",),
    requires=_CALL,
    seconds=30.0,
)

# --- an object of another scheduler ---

WAKES = "the task wakes up"
LATE = "the task wakes up when something else wakes its scheduler"
ASLEEP = "the task sleeps on"
ENDS = "a scheduler ends with an error of its own"
NOT_ALLOWED = "the wait is refused"
_LATEST_SECONDS = 30.0
"""Deadline of a wait that is cancelled long before, once its fate is known."""


class _SharedEvent:
    """An event that one scheduler makes and sets, and for which a task of another one waits."""

    def __init__(self, runtime: Runtime, trial: Trial) -> None:
        self._runtime = runtime
        self._trial = trial
        self._events: list[Event] = []
        self._sets: list[Callable[[], None]] = []
        self._wakes: list[Callable[[], None]] = []
        self._waits, self._is_set, self._noticed = threading.Event(), threading.Event(), threading.Event()
        self._refusals: list[BaseException] = []

    async def _own(self, inner: Runtime) -> None:
        go = bridge_of(inner).create_event()
        self._sets.append(go.set)
        self._events.append(inner.create_event())
        async with inner.move_on_after(_LATEST_SECONDS):
            await go.wait()
        try:
            await self._events[0].set()
        finally:
            self._is_set.set()

    async def _borrow(self, inner: Runtime) -> None:
        wake, end = bridge_of(inner).create_event(), bridge_of(inner).create_event()
        self._wakes += (wake.set, end.set)
        async with inner.open_task_group() as group:
            await group.spawn(self._wait, inner)
            async with inner.move_on_after(_LATEST_SECONDS):
                await wake.wait()
                await end.wait()
            await group.cancel()

    async def _wait(self, inner: Runtime) -> None:
        async with inner.move_on_after(_LATEST_SECONDS):
            self._waits.set()
            try:
                await self._events[0].wait()
                self._noticed.set()
            except RuntimeError as exc:
                self._refusals.append(exc)

    async def show(self) -> str:
        """Let one scheduler set the event that the other one waits for, and return the answer."""
        runtime = self._runtime
        owner = Sandbox(runtime, self._own)
        await wait_until(runtime, lambda: bool(self._events), PATIENCE_SECONDS)
        borrower = Sandbox(runtime, self._borrow)
        await wait_until(runtime, self._waits.is_set, PATIENCE_SECONDS)
        await runtime.sleep(0.02)
        self._sets[0]()
        await wait_until(runtime, self._is_set.is_set, PATIENCE_SECONDS)
        answer = await self._see()
        is_over = await owner.until_ended(6 * PATIENCE_SECONDS) and await borrower.until_ended(6 * PATIENCE_SECONDS)
        ends = [sandbox.raised for sandbox in (owner, borrower)]
        self._trial.step("schedulers", f"have ended: {is_over}, with {ends!r}; the wait: {self._refusals!r}"[:300])
        if self._refusals:
            return NOT_ALLOWED
        return answer if is_over and ends == [None, None] else ENDS

    async def _see(self) -> str:
        wake, end = self._wakes
        answer = WAKES if await wait_until(self._runtime, self._noticed.is_set, PATIENCE_SECONDS / 2) else ASLEEP
        wake()
        if answer == ASLEEP and await wait_until(self._runtime, self._noticed.is_set, PATIENCE_SECONDS / 2):
            answer = LATE
        end()
        return answer


async def _share_event(runtime: Runtime, trial: Trial) -> str:
    return await _SharedEvent(runtime, trial).show()


shared_event = make_question(
    _share_event,
    name="bridge.event-of-another-scheduler",
    question="A task waits for an event that was made in another scheduler, which sets it: does the task wake up?",
    contract=("The wait is refused, or the task wakes up, sooner or later.",),
    ref=f"{_MODULE}:shared_event",
    answers={
        NOT_ALLOWED: allowed("the mistake is shown where it is made"),
        WAKES: allowed("on threads an event belongs to nothing"),
        LATE: interesting(
            "the event belongs to no loop until a task waits for it; who sets it then does so from a foreign thread",
            "https://docs.python.org/3/library/asyncio-sync.html",
        ),
        ENDS: interesting("the task is made ready in the wrong scheduler", _FINISHED, harm=Harm.CRASH),
        ASLEEP: forbidden("a flag that is set wakes the task that waits, or the wait is refused", harm=Harm.HANG),
    },
    repetitions=1,
    catches=("event-forgets-foreign-waiters",),
    requires=(*_BRIDGE, Capability.DEADLINE, Capability.GROUP_CANCEL),
    seconds=30.0,
)

SCENARIOS: tuple[Scenario, ...] = (
    hand_over_after_end,
    call_after_end,
    next_run,
    end_meanwhile,
    call_as_it_ends,
    two_schedulers,
    shared_event,
)
