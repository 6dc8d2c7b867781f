"""Effects of a cancellation on a job in another process, on one that waits for a thread, and on the error of one."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable
from tempfile import TemporaryDirectory

from harness.api import (
    CancelScope,
    Capability,
    Parameter,
    Runtime,
    Scenario,
    allowed,
    forbidden,
    interesting,
)

from .group_failure import ToldFailureError, take_turns
from .offload_gates import ProcessGate, ThreadGate, attend_process_gate
from .question import NOTED, Trial, make_question

_TRIO_THREADS = "https://trio.readthedocs.io/en/stable/reference-core.html#trio.to_thread.run_sync"
_FUTURE = "https://docs.python.org/3/library/concurrent.futures.html#concurrent.futures.Future.cancel"
_CURIO_PROCESS = "curio 1.6, docstring of run_in_process: the worker process is immediately terminated"
_POLL = 0.002
_PATIENCE = 0.3
"""How long a caller has to leave before it counts as one that waits. Those that leave do so in the next turn."""
_JOB_SECONDS = 2.5
"""Duration of a job that is not released earlier. Only a broken runtime waits so long."""
_PROCESS_SECONDS = 10.0


async def _until(runtime: Runtime, is_so: Callable[[], bool], most_seconds: float | None = None) -> bool:
    """Poll for the progress of a job, which sets no event of a runtime. Return whether `is_so` holds."""
    end = None if most_seconds is None else runtime.now() + most_seconds
    while not (so := is_so()) and (end is None or runtime.now() < end):
        await runtime.sleep(_POLL)
    return so


class _Caller:
    """A task that waits for a job, in a cancel scope of its own."""

    def __init__(self, runtime: Runtime, trial: Trial) -> None:
        self._runtime = runtime
        self._step = trial.step
        self._scopes: list[CancelScope] = []
        self.has_left = False
        self.runs_on = False
        self.error: BaseException | None = None

    async def wait_for(self, job: Callable[[], Awaitable[object]]) -> None:
        """Wait for a job; a checkpoint behind it shows whether a cancellation came at all."""
        async with self._runtime.open_cancel_scope() as scope:
            self._scopes.append(scope)
            try:
                await job()
            except ToldFailureError as failure:
                self.error = failure
            finally:
                self.has_left = True
                self._step("caller", "leaves the call")
            await self._runtime.checkpoint()
            self.runs_on = True

    async def cancel(self) -> None:
        """Cancel the scope."""
        self._step("canceller", "cancels the caller")
        await self._scopes[0].cancel()


# --- a job in another process ---

LEAVES = "the caller leaves at once, the job runs on"
STOPS = "the caller leaves at once, the process of the job is stopped"
WAITS = "the caller waits until the job has ended"
CANCELLATION_LOST = "the caller waits, and is not cancelled thereafter"


async def _cancel_in_a_process(runtime: Runtime, trial: Trial) -> str:
    caller = _Caller(runtime, trial)
    with TemporaryDirectory(prefix="harness-offload-") as directory:
        gate = ProcessGate(directory)

        async def job() -> None:
            await runtime.run_in_process(attend_process_gate, directory, _JOB_SECONDS)

        async with runtime.open_task_group() as group:
            await group.spawn(caller.wait_for, job)
            await _until(runtime, gate.has_started)
            trial.step("job", "runs")
            await caller.cancel()
            leaves = await _until(runtime, lambda: caller.has_left, _PATIENCE)
            gate.let_go()
            await _until(runtime, lambda: gate.has_ended() or gate.is_stopped())
            ends = gate.has_ended()
            trial.step("job", "ends" if ends else "is stopped")
    if caller.runs_on:
        return CANCELLATION_LOST
    if leaves:
        return LEAVES if ends else STOPS
    return WAITS


cancel_in_a_process = make_question(
    _cancel_in_a_process,
    name="offload.cancel-in-a-process",
    question="The caller of a job is cancelled while the job runs in another process: what becomes of both?",
    contract=("The caller is cancelled.",),
    ref="harness_scenarios.behaviours.offload_cancel:cancel_in_a_process",
    answers={
        STOPS: allowed("a process can be stopped, unlike a thread", _CURIO_PROCESS),
        WAITS: allowed("nothing runs behind its caller's back; the cancellation takes as long as the job"),
        LEAVES: interesting("the job works on, holds its place in the pool, and its result is lost", _FUTURE),
        CANCELLATION_LOST: forbidden("a cancellation that was called arrives, at the latest behind the job"),
    },
    repetitions=1,
    requires=(Capability.PROCESS, Capability.CANCEL_SCOPE),
    variants=("trio:offload=abandon",),
    seconds=_PROCESS_SECONDS,
    screening=False,
)


# --- a job that waits for a thread ---

NEVER_RUNS = "it never runs"
RUNS_ANYWAY = "it runs"
NONE_WAITS = "no job waits: each has a thread"


async def _cancel_queued(runtime: Runtime, trial: Trial) -> str:
    size: int = trial.parameters["jobs"]
    gate = ThreadGate()
    started: list[int] = []
    callers = [_Caller(runtime, trial) for _ in range(size)]

    def job(number: int) -> None:
        started.append(number)
        gate.attend(_JOB_SECONDS)

    async def call(number: int) -> None:
        await callers[number].wait_for(lambda: runtime.run_in_thread(job, number))

    chosen: int | None = None
    async with runtime.open_task_group() as group:
        for number in range(size):
            await group.spawn(call, number)
        await _until_no_more_start(runtime, started, size)
        trial.observe("jobs that run", len(started))
        waiting = sorted(set(range(size)) - set(started))
        if waiting:
            # Neither the first nor the last: one of these is next and may be about to start.
            chosen = waiting[len(waiting) // 2]
            trial.step("pool", "is full, another job waits")
            await callers[chosen].cancel()
            await _until(runtime, lambda: callers[chosen].has_left, _PATIENCE)
        gate.let_go()
    if chosen is None:
        return NONE_WAITS
    if callers[chosen].runs_on:
        return CANCELLATION_LOST
    return RUNS_ANYWAY if chosen in started else NEVER_RUNS


async def _until_no_more_start(runtime: Runtime, started: list[int], size: int) -> None:
    """Wait until all have started, or none has for a while: whoever waits for a thread does not say so."""
    before = -1
    while before < len(started) < size:
        before = len(started)
        await _until(runtime, lambda: len(started) > before, _PATIENCE)  # noqa: B023 - called before it changes


cancel_queued = make_question(
    _cancel_queued,
    name="offload.cancel-queued",
    question="The caller of a job is cancelled while the job waits for a thread: does the job still run?",
    contract=("The caller is cancelled.",),
    ref="harness_scenarios.behaviours.offload_cancel:cancel_queued",
    answers={
        NEVER_RUNS: allowed("a job without a caller is not begun", _FUTURE),
        RUNS_ANYWAY: interesting("the job is done after its caller has gone"),
        NONE_WAITS: allowed("the runtime starts as many threads as there are jobs"),
        CANCELLATION_LOST: forbidden("a cancellation that was called arrives, at the latest behind the job"),
    },
    repetitions=1,
    judges={"jobs that run": NOTED},
    parameters=(Parameter(name="jobs", default=100, summary="how many jobs are started", at_least=1),),
    requires=(Capability.THREAD, Capability.CANCEL_SCOPE),
    variants=("trio:offload=abandon",),
    catches=("cancels-nothing",),
)


# --- the error of a job whose caller was cancelled ---

RAISED = "the caller gets the error"
REPORTED = "the runtime reports the error"
UNTOLD = "nobody is told of the error while the run lasts"


async def _fail_behind_its_caller(runtime: Runtime, trial: Trial) -> str:
    gate = ThreadGate()
    caller = _Caller(runtime, trial)
    failure = ToldFailureError("a job")

    def job() -> None:
        gate.attend(_JOB_SECONDS)
        raise failure

    async with runtime.open_task_group() as group:
        await group.spawn(caller.wait_for, lambda: runtime.run_in_thread(job))
        await _until(runtime, gate.has_started)
        await caller.cancel()
        await _until(runtime, lambda: caller.has_left, _PATIENCE)
        trial.step("job", "fails")
        gate.let_go()
        await _until(runtime, gate.has_ended)
    answer = RAISED if caller.error is failure else await _find_report(runtime, failure)
    trial.step("caller", answer)
    return answer


async def _find_report(runtime: Runtime, failure: ToldFailureError) -> str:
    await take_turns(runtime)
    gc.collect()
    return REPORTED if await _until(runtime, lambda: failure.told, _PATIENCE) else UNTOLD


error_of_abandoned = make_question(
    _fail_behind_its_caller,
    name="offload.error-of-abandoned-job",
    question="A job fails after its caller was cancelled: where does the error appear?",
    contract=(),
    ref="harness_scenarios.behaviours.offload_cancel:error_of_abandoned",
    answers={
        RAISED: allowed("the caller has waited, and an error is stronger than a cancellation", _TRIO_THREADS),
        REPORTED: allowed("an error without a caller is reported"),
        UNTOLD: interesting("the error of a job that is left alone is discarded", _TRIO_THREADS),
    },
    repetitions=1,
    requires=(Capability.THREAD, Capability.CANCEL_SCOPE),
    variants=("trio:offload=abandon",),
)


SCENARIOS: tuple[Scenario, ...] = (cancel_in_a_process, cancel_queued, error_of_abandoned)
