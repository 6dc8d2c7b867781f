"""Calls that a thread makes into the scheduler and waits for: their results, and the effect of a cancellation."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar

from harness.api import (
    BridgeJob,
    CancelScope,
    Capability,
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
    Sandbox,
    WaitsForeverError,
    call_in_thread,
    run_limited,
    wait_until,
)
from .question import DOES_NOT_END, Trial, make_question

_CALL = (Capability.BRIDGE, Capability.BRIDGE_CALL)
_JOB = (Capability.BRIDGE, Capability.BRIDGE_JOB)
_MODULE = "harness_scenarios.behaviours.bridge_call"
_COROUTINE = "https://docs.python.org/3/library/asyncio-task.html#asyncio.run_coroutine_threadsafe"
_FROM_THREAD = "https://trio.readthedocs.io/en/stable/reference-core.html#trio.from_thread.run"
_EXECUTOR = "https://docs.python.org/3/library/concurrent.futures.html#concurrent.futures.Future.cancel"

# --- errors ---

SAME_ERROR = "the thread gets the same error"
RUNTIME_ERROR = "the thread gets a RuntimeError for the StopIteration"
ANOTHER_ERROR = "the thread gets another error"
NOTHING_RAISED = "the thread gets no error"
THREAD_WAITS = "the thread waits for ever"
ENDS_IT_TOO = "the thread gets the same error, and it ends the scheduler"
SCHEDULER_ENDS = "the error ends the scheduler, and the thread waits for ever"


class TwoPartCallError(Exception):
    """An error whose class cannot be called with its `args`."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


class PlainBaseError(BaseException):
    """An error that `except Exception` does not catch."""


_ERRORS: dict[str, Callable[[], BaseException]] = {
    "an error": lambda: TwoPartCallError("planned", "error"),
    "StopIteration": lambda: StopIteration("planned"),
    "a BaseException": lambda: PlainBaseError("planned"),
    "SystemExit": lambda: SystemExit(3),
}


async def _fail_in_the_scheduler(runtime: Runtime, trial: Trial) -> str:
    error = _ERRORS[trial.parameters["raises"]]()
    ready, over = threading.Event(), threading.Event()

    async def fail() -> None:
        raise error

    async def main(_: Runtime) -> None:
        ready.set()
        while not over.is_set():
            await _.sleep(0.002)

    sandbox = Sandbox(runtime, main)
    await wait_until(runtime, ready.is_set, PATIENCE_SECONDS)
    assert sandbox.bridge is not None
    asked = await call_in_thread(runtime, run_limited, sandbox.bridge, fail)
    over.set()
    await sandbox.until_ended()
    trial.step("thread", f"gets {type(asked.error).__name__}")
    if asked.error is error:
        return SAME_ERROR if sandbox.raised is None else ENDS_IT_TOO
    if isinstance(asked.error, WaitsForeverError):
        return SCHEDULER_ENDS if sandbox.raised is not None else THREAD_WAITS
    if isinstance(error, StopIteration) and isinstance(asked.error, RuntimeError):
        return RUNTIME_ERROR
    return NOTHING_RAISED if asked.error is None else ANOTHER_ERROR


errors_cross = make_question(
    _fail_in_the_scheduler,
    name="bridge.errors-cross",
    question="A function that a thread has run by the scheduler raises: what does the thread get?",
    contract=("The error reaches the thread.", "A thread does not wait for ever."),
    ref=f"{_MODULE}:errors_cross",
    answers={
        SAME_ERROR: allowed("the error crosses over as it is", _FROM_THREAD, follows_from=DOES_NOT_END),
        RUNTIME_ERROR: allowed("as PEP 479 has it", "https://peps.python.org/pep-0479/"),
        ANOTHER_ERROR: forbidden("the thread cannot catch the error by its class"),
        ENDS_IT_TOO: interesting(
            "a task of asyncio raises SystemExit and KeyboardInterrupt out of the event loop, whoever waits for it",
            "https://docs.python.org/3/library/asyncio-exceptions.html",
        ),
        SCHEDULER_ENDS: forbidden("nothing tells the thread that the scheduler has ended", harm=Harm.HANG),
        NOTHING_RAISED: forbidden("the error is lost"),
        THREAD_WAITS: forbidden("nothing tells the thread that the function has ended", harm=Harm.HANG),
    },
    repetitions=1,
    parameters=(
        Parameter(name="raises", default="an error", summary="exception of the function", choices=tuple(_ERRORS)),
    ),
    rows={"quick": grid(raises=tuple(_ERRORS))},
    catches=("call-error-lost", "call-error-wakes-nothing"),
    requires=_CALL,
    seconds=30.0,
)

# --- a job that the thread cancels ---

CANCELLED = "the job is cancelled, and the thread is told so"
RUNS_ON = "the job runs on, and the thread is told so"
CLAIMS = "the thread is told that the job is cancelled, and it runs on"


class _Job:
    """A job, as the scheduler sees it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._over = bridge_of(runtime).create_event()
        self.started, self.ended = threading.Event(), threading.Event()
        self.cancelled = False

    def let_go(self) -> None:
        """Let it end, if it is not cancelled."""
        self._over.set()

    async def work(self) -> str:
        """Wait until it is let go, or cancelled."""
        self.started.set()
        try:
            await self._over.wait()
        except BaseException as exc:
            self.cancelled = self._runtime.is_cancelled(exc)
            raise
        finally:
            self.ended.set()
        return "result"


async def _cancel_job(runtime: Runtime, trial: Trial) -> str:
    job = _Job(runtime)
    bridge = bridge_of(runtime)
    trial.step("thread", "cancels the job")

    def ask() -> tuple[bool, BaseException | None]:
        handle = bridge.submit(job.work)
        job.started.wait(PATIENCE_SECONDS)
        accepted = handle.cancel()
        return accepted, _end_of(handle, job)

    asked = await call_in_thread(runtime, ask)
    job.let_go()
    await wait_until(runtime, job.ended.is_set, PATIENCE_SECONDS)
    if asked.error is not None or asked.value is None:
        return THREAD_WAITS
    return _judge_cancel(job, *asked.value)


def _end_of(handle: BridgeJob, job: _Job) -> BaseException | None:
    if not job.ended.wait(PATIENCE_SECONDS / 4):
        job.let_go()
    try:
        handle.result(PATIENCE_SECONDS)
    except BaseException as exc:  # noqa: BLE001 - each library has its own
        return exc
    return None


def _judge_cancel(job: _Job, accepted: bool, error: BaseException | None) -> str:
    if isinstance(error, TimeoutError):
        return THREAD_WAITS
    if not accepted:
        return RUNS_ON if error is None and not job.cancelled else CLAIMS
    return CANCELLED if job.cancelled else CLAIMS


cancel_job = make_question(
    _cancel_job,
    name="bridge.cancel-job",
    question="A thread cancels a job that waits in the scheduler: does the job end, as the thread's result says?",
    contract=("What `cancel` returns is what becomes of the job.",),
    ref=f"{_MODULE}:cancel_job",
    answers={
        CANCELLED: allowed("the task is cancelled at its wait", _COROUTINE),
        RUNS_ON: allowed("a thread of a pool cannot be cancelled: `cancel` returns False", _EXECUTOR),
        CLAIMS: forbidden("the thread relies on the reported cancellation"),
        THREAD_WAITS: forbidden("a job that was cancelled ends", harm=Harm.HANG),
    },
    repetitions=3,
    catches=("cancelled-job-runs-on",),
    screening=False,
    requires=_JOB,
    seconds=30.0,
)

# --- a wait that times out ---

GOES_ON = "the wait times out, the job goes on, and its result is there later"
JOB_DIES = "the wait times out, and the job is gone"
NO_TIMEOUT = "the wait does not time out"


async def _time_out(runtime: Runtime, trial: Trial) -> str:
    job = _Job(runtime)
    bridge = bridge_of(runtime)

    def ask() -> str:
        handle = bridge.submit(job.work)
        try:
            handle.result(0.02)
        except TimeoutError:
            job.let_go()
        else:
            return NO_TIMEOUT
        try:
            return GOES_ON if handle.result(PATIENCE_SECONDS) == "result" else JOB_DIES
        except BaseException:  # noqa: BLE001 - whatever it is, the result is not there
            return JOB_DIES

    asked = await call_in_thread(runtime, ask)
    job.let_go()
    await wait_until(runtime, job.ended.is_set, PATIENCE_SECONDS)
    trial.step("thread", f"{asked.value}")
    return asked.value or NO_TIMEOUT


timed_out_wait = make_question(
    _time_out,
    name="bridge.timeout-keeps-job",
    question="A thread's wait for a job times out: does the job go on?",
    contract=("A wait that times out leaves the job running.",),
    ref=f"{_MODULE}:timed_out_wait",
    answers={
        GOES_ON: allowed("the time-out is of the wait", _COROUTINE),
        JOB_DIES: forbidden("nothing has cancelled the job"),
        NO_TIMEOUT: forbidden("a wait with a time-out ends"),
    },
    repetitions=2,
    catches=("timeout-cancels-job", "job-ignores-timeout"),
    requires=_JOB,
    seconds=30.0,
)

# --- context ---

VISIBLE = "the call sees the variable of the thread"
NOT_VISIBLE = "the call sees the default"
LEAKS = "what the call changes is changed for others"
_OWNER: ContextVar[str] = ContextVar("harness_bridge_owner", default="nothing")


async def _carry_context(runtime: Runtime, trial: Trial) -> str:
    bridge = bridge_of(runtime)

    async def read_and_change() -> str:
        seen = _OWNER.get()
        _OWNER.set("the call")
        return seen

    def ask(owner: str) -> str:
        _OWNER.set(owner)
        seen: str = bridge.run(read_and_change)
        return seen

    first = await call_in_thread(runtime, ask, "the thread")
    second = await call_in_thread(runtime, ask, "the thread")
    trial.step("call", f"sees {first.value}, then {second.value}")
    seen = {first.value, second.value}
    if _OWNER.get() == "the call" or not seen <= {"the thread", "nothing"}:
        return LEAKS
    return VISIBLE if seen == {"the thread"} else NOT_VISIBLE


context_visible = make_question(
    _carry_context,
    name="bridge.context-visible",
    question="A thread sets a context variable and has a function run by the scheduler: does the function see it?",
    contract=("Context changes of a call are invisible to the tasks of the scheduler.",),
    ref=f"{_MODULE}:context_visible",
    answers={
        VISIBLE: allowed("the call runs in a copy of the thread's context", _FROM_THREAD),
        NOT_VISIBLE: interesting("request ids and the like are lost between the thread and the scheduler"),
        LEAKS: forbidden("a call runs in a context of its own", "https://peps.python.org/pep-0567/"),
    },
    repetitions=2,
    catches=("calls-share-a-context",),
    requires=_CALL,
    seconds=30.0,
)

# --- there and back again ---

COMES_BACK = "every call comes back"
DEADLOCK = "the calls wait for each other"
_DEPTHS = (1, 2, 5)


async def _nest(runtime: Runtime, trial: Trial) -> str:
    depth = _DEPTHS[trial.number % len(_DEPTHS)]
    bridge = bridge_of(runtime)

    async def descend(left: int) -> int:
        return 1 + await runtime.run_in_thread(ascend, left) if left else 0

    def ascend(left: int) -> int:
        result: int = bridge.run(descend, left - 1)
        return result

    trial.step("task", f"{depth} threads deep")
    async with runtime.move_on_after(4 * PATIENCE_SECONDS):
        return COMES_BACK if await descend(depth) == depth else DEADLOCK
    return DEADLOCK


nested_calls = make_question(
    _nest,
    name="bridge.nested-calls",
    question="A task waits for a thread that waits for a call, 1, 2 or 5 deep: does every call come back?",
    contract=("Others run while a thread waits, so that each call comes back.",),
    ref=f"{_MODULE}:nested_calls",
    answers={
        COMES_BACK: allowed("each waits for one that runs"),
        DEADLOCK: forbidden("none of the waits holds what another one needs"),
    },
    repetitions=3,
    catches=("one-call-at-a-time",),
    requires=(*_CALL, Capability.THREAD, Capability.DEADLINE),
    seconds=30.0,
)

# --- a task that is cancelled while its thread calls back ---

CALL_GOES_ON = "the call goes on, and the thread gets its result"
CALL_CANCELLED = "the call is cancelled too, and the thread is told so"
NEITHER = "the call is cancelled, and the thread gets a result"


async def _cancel_behind_a_thread(runtime: Runtime, trial: Trial) -> str:
    job = _Job(runtime)
    bridge = bridge_of(runtime)
    got: list[object] = []
    scopes: list[CancelScope] = []

    def work() -> None:
        try:
            got.append(bridge.run(job.work))
        except BaseException as exc:  # noqa: BLE001 - the runtime chooses the error of a call that is dropped
            got.append(exc)

    async def caller() -> None:
        async with runtime.open_cancel_scope() as scope:
            scopes.append(scope)
            await runtime.run_in_thread(work)

    async with runtime.open_task_group() as group:
        await group.spawn(caller)
        await wait_until(runtime, job.started.is_set, PATIENCE_SECONDS)
        await scopes[0].cancel()
        await wait_until(runtime, job.ended.is_set, PATIENCE_SECONDS / 4)
        job.let_go()
    await wait_until(runtime, lambda: bool(got), PATIENCE_SECONDS)
    trial.step("thread", f"gets {got}")
    if not got:
        return THREAD_WAITS
    if isinstance(got[0], BaseException):
        return CALL_CANCELLED
    return NEITHER if job.cancelled else CALL_GOES_ON


cancel_behind_a_thread = make_question(
    _cancel_behind_a_thread,
    name="bridge.cancel-behind-a-thread",
    question="A task is cancelled while its thread waits for a call into the scheduler: is the call cancelled?",
    contract=("The thread gets the call's result, or an error instead.",),
    ref=f"{_MODULE}:cancel_behind_a_thread",
    answers={
        CALL_GOES_ON: allowed("the call belongs to nothing that was cancelled", _COROUTINE),
        CALL_CANCELLED: interesting("the thread of trio.to_thread calls back into the task that waits", _FROM_THREAD),
        NEITHER: forbidden("a call that was cancelled has no result"),
        THREAD_WAITS: forbidden("the thread gets neither a result nor an error", harm=Harm.HANG),
    },
    repetitions=2,
    catches=("cancelled-call-has-a-result",),
    requires=(*_CALL, Capability.THREAD, Capability.CANCEL_SCOPE),
    seconds=30.0,
)

SCENARIOS: tuple[Scenario, ...] = (
    errors_cross,
    cancel_job,
    timed_out_wait,
    context_visible,
    nested_calls,
    cancel_behind_a_thread,
)
