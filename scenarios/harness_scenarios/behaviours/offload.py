"""Blocking work beside a runtime: concurrent jobs, values that cross over, and the effect of a cancellation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from harness.api import (
    CancelScope,
    Capability,
    Parameter,
    Runtime,
    Scenario,
    allowed,
    forbidden,
    grid,
    interesting,
)

from .offload_jobs import (
    Crowd,
    Gate,
    TwoPartError,
    double,
    exit_process,
    fail_in_two_parts,
    fail_plainly,
    fail_with_stop_iteration,
)
from .question import NEVER_ENDS, NOTED, Trial, make_question

_TO_THREAD = "https://docs.python.org/3/library/asyncio-task.html#asyncio.to_thread"
_EXECUTOR = "https://docs.python.org/3/library/concurrent.futures.html#concurrent.futures.ThreadPoolExecutor"
_TRIO_THREADS = "https://trio.readthedocs.io/en/stable/reference-core.html#trio.to_thread.run_sync"
_TRIO_CONTEXT = "https://github.com/python-trio/trio/issues/2160"
_STOP_ITERATION = "https://github.com/python/cpython/issues/112182"
_ASYNCIO_VARIANTS = ("asyncio:offload=executor", "uvloop:offload=executor")
_POLL = 0.002
_PROCESS_SECONDS = 15.0
"""Limit of a trial that starts a Python of its own."""


async def _until(runtime: Runtime, is_so: Callable[[], bool]) -> None:
    """Poll for the progress of a job. No runtime can wait for another thread's event."""
    while not is_so():
        await runtime.sleep(_POLL)


# --- how many at once ---

AT_ONCE = "all at once"
SOME_WAIT = "some wait for a thread"
SOME_LOST = "some jobs never run"
_CROWD_PATIENCE = 1.0
"""How long the jobs wait for one more to come, once in a cell. Starting a thread takes less than a thousandth of it;
the rest is for a machine that is busy with something else."""


async def _crowd(runtime: Runtime, trial: Trial) -> str:
    size: int = trial.parameters["jobs"]
    crowd = Crowd(size, _CROWD_PATIENCE)

    async def caller() -> None:
        await runtime.run_in_thread(crowd.attend)

    async with runtime.open_task_group() as group:
        for _ in range(size):
            await group.spawn(caller)
    trial.observe("jobs at once", crowd.most)
    trial.step("jobs", f"{crowd.most} of {size} run at once")
    if crowd.ran < size:
        return SOME_LOST
    return AT_ONCE if crowd.most == size else SOME_WAIT


jobs_at_once = make_question(
    _crowd,
    name="offload.jobs-at-once",
    question="More blocking jobs than CPUs are started: do they run at the same time?",
    contract=("Every job runs.",),
    ref="harness_scenarios.behaviours.offload:jobs_at_once",
    answers={
        AT_ONCE: allowed("each job gets a thread", _TRIO_THREADS),
        SOME_WAIT: interesting(
            "the pool is smaller: asyncio's has CPUs + 4 threads, trio's 40, curio's 64; jobs that wait for each other "
            "can wait for ever",
            _EXECUTOR,
        ),
        SOME_LOST: forbidden("a job that was started runs"),
    },
    repetitions=1,
    judges={"jobs at once": NOTED},
    parameters=(Parameter(name="jobs", default=20, summary="how many are started", at_least=1),),
    rows={"quick": ({},), "default": grid(jobs=(20, 100))},
    requires=(Capability.THREAD,),
    catches=("offload-drops-jobs",),
)


# --- others run meanwhile ---

RUN_MEANWHILE = "other tasks run meanwhile"
STAND_STILL = "other tasks stand still"
_LONG = 1.0


async def _let_go_from_a_task(runtime: Runtime, trial: Trial) -> str:
    gate = Gate()
    let_go: list[bool] = []

    async def caller() -> None:
        let_go.append(await runtime.run_in_thread(gate.attend, _LONG))

    async def other() -> None:
        await _until(runtime, gate.started.is_set)
        trial.step("other task", "lets the job go")
        gate.let_go()

    async with runtime.open_task_group() as group:
        await group.spawn(caller)
        await group.spawn(other)
    answer = RUN_MEANWHILE if let_go[0] else STAND_STILL
    trial.step("caller", answer)
    return answer


others_run = make_question(
    _let_go_from_a_task,
    name="offload.others-run",
    question="A job blocks in a thread until another task lets it go: does the other task run?",
    contract=("Other tasks run while a job does.",),
    ref="harness_scenarios.behaviours.offload:others_run",
    answers={
        RUN_MEANWHILE: allowed("that is what offloading is for"),
        STAND_STILL: forbidden("the job holds up the scheduler"),
    },
    repetitions=3,
    requires=(Capability.THREAD,),
    catches=("offload-blocks",),
)


# --- what an error becomes ---

SAME_ERROR = "the same error is raised"
ANOTHER_ERROR = "another error is raised"
POOL_BREAKS = "another error is raised, and the next job fails too"
RETURNS = "the call returns as if nothing was"

_JOBS: dict[str, tuple[Callable[[], None], type[BaseException]]] = {
    "an error": (fail_plainly, ValueError),
    "an error that cannot be copied": (fail_in_two_parts, TwoPartError),
    "SystemExit": (exit_process, SystemExit),
}
_IN_A_THREAD, _IN_A_PROCESS = "a thread", "a process"
_WHERE = Parameter(
    name="where", default=_IN_A_THREAD, summary="where the job runs", choices=(_IN_A_THREAD, _IN_A_PROCESS)
)

Run = Callable[..., Awaitable[Any]]


def _get_run(runtime: Runtime, trial: Trial) -> Run:
    return runtime.run_in_thread if trial.parameters["where"] == _IN_A_THREAD else runtime.run_in_process


async def _catch(runtime: Runtime, run: Run, job: Callable[..., object], *args: object) -> BaseException | None:
    try:
        await run(job, *args)
    except BaseException as exc:
        if runtime.is_cancelled(exc):
            raise
        return exc
    return None


async def _fail_elsewhere(runtime: Runtime, trial: Trial) -> str:
    run = _get_run(runtime, trial)
    job, kind = _JOBS[trial.parameters["raises"]]
    raised = await _catch(runtime, run, job)
    if raised is None:
        return RETURNS
    trial.step("caller", f"gets {type(raised).__name__}")
    if type(raised) is kind:
        return SAME_ERROR
    later = await _catch(runtime, run, double, 4)
    trial.step("caller", f"gets {type(later).__name__} from the next job" if later else "has the next job done")
    return POOL_BREAKS if later else ANOTHER_ERROR


errors_cross = make_question(
    _fail_elsewhere,
    name="offload.errors-cross",
    question="A job raises: what does its caller get?",
    contract=("The error reaches the caller.", "What one job raises is no trouble of the next one."),
    ref="harness_scenarios.behaviours.offload:errors_cross",
    answers={
        SAME_ERROR: allowed("the error crosses over as it is"),
        ANOTHER_ERROR: interesting(
            "an error whose class cannot be called with its `args` cannot be copied from another process",
            "https://docs.python.org/3/library/pickle.html#object.__reduce__",
        ),
        POOL_BREAKS: forbidden(
            "one error ends every process of the pool, or leaves a dead one in it: concurrent.futures cannot tell "
            "whose result it could not read, curio 1.6 does not replace a worker that has exited",
            "https://github.com/python/cpython/pull/3895",
        ),
        RETURNS: forbidden("the error is lost"),
    },
    repetitions=1,
    parameters=(
        _WHERE,
        Parameter(name="raises", default="an error", summary="exception of the job", choices=tuple(_JOBS)),
    ),
    rows={
        "quick": grid(where=(_IN_A_THREAD,), raises=tuple(_JOBS)),
        "default": grid(where=(_IN_A_THREAD, _IN_A_PROCESS), raises=tuple(_JOBS)),
    },
    requires=(Capability.THREAD, Capability.PROCESS),
    seconds=_PROCESS_SECONDS,
    catches=("error-of-thread-lost", "error-breaks-the-pool"),
)


AN_ERROR = "an error is raised"


async def _stop_iteration(runtime: Runtime, trial: Trial) -> str:
    trial.step("job", "raises StopIteration")
    raised = await _catch(runtime, runtime.run_in_thread, fail_with_stop_iteration)
    answer = RETURNS if raised is None else AN_ERROR
    trial.step("caller", answer if raised is None else f"gets {type(raised).__name__}")
    return answer


stop_iteration = make_question(
    _stop_iteration,
    name="offload.stop-iteration",
    question="A job raises StopIteration, which no coroutine can: does its caller get to know?",
    contract=("The call ends, with an error.",),
    ref="harness_scenarios.behaviours.offload:stop_iteration",
    answers={
        AN_ERROR: allowed("RuntimeError, as PEP 479 has it", "https://peps.python.org/pep-0479/"),
        RETURNS: forbidden("the error is lost"),
        NEVER_ENDS: forbidden("no future takes a StopIteration: asyncio before Python 3.12.2", _STOP_ITERATION),
    },
    repetitions=1,
    requires=(Capability.THREAD,),
    variants=_ASYNCIO_VARIANTS,
    seconds=1.0,
    catches=("error-of-thread-wakes-nobody",),
)


# --- context variables ---

VISIBLE = "the job sees the variable"
NOT_VISIBLE = "the job sees the default"
COMES_BACK = "a change that the job makes comes back"

_OWNER: ContextVar[str] = ContextVar("harness_offload_owner", default="nobody")


def _read_and_change() -> str:
    seen = _OWNER.get()
    _OWNER.set("job")
    return seen


async def _carry_context(runtime: Runtime, trial: Trial) -> str:
    token = _OWNER.set("caller")
    try:
        seen = await runtime.run_in_thread(_read_and_change)
        trial.step("job", f"reads {seen}")
        trial.step("caller", f"reads {_OWNER.get()}")
        if _OWNER.get() != "caller":
            return COMES_BACK
        return VISIBLE if seen == "caller" else NOT_VISIBLE
    finally:
        _OWNER.reset(token)


context_visible = make_question(
    _carry_context,
    name="offload.context-visible",
    question="A context variable is set before a job is started in a thread: does the job see it?",
    contract=("Changes of a job are visible only in that job.",),
    ref="harness_scenarios.behaviours.offload:context_visible",
    answers={
        VISIBLE: allowed("the job runs in a copy of the context", _TO_THREAD),
        NOT_VISIBLE: interesting(
            "the thread has a context of its own: request ids and the like are lost", _TRIO_CONTEXT
        ),
        COMES_BACK: forbidden(
            "the job runs in a copy, or in a context of its own", "https://peps.python.org/pep-0567/"
        ),
    },
    repetitions=3,
    requires=(Capability.THREAD,),
    variants=_ASYNCIO_VARIANTS,
    catches=("context-comes-back",),
)


# --- cancellation ---

_PATIENCE = 0.3
"""How long a caller has to leave; its job would go on for longer."""

CALLER_WAITS = "the caller waits for the job"
CALLER_LEAVES = "the caller leaves, the job runs on"


async def _cancel_in_a_job(runtime: Runtime, trial: Trial) -> str:
    gate = Gate()
    has_left = runtime.create_event()
    scopes: list[CancelScope] = []

    async def caller() -> None:
        async with runtime.open_cancel_scope() as scope:
            scopes.append(scope)
            await runtime.run_in_thread(gate.attend, _LONG)
        trial.step("caller", "has left")
        await has_left.set()

    answer = CALLER_WAITS
    async with runtime.open_task_group() as group:
        await group.spawn(caller)
        await _until(runtime, gate.started.is_set)
        trial.step("canceller", "cancels")
        await scopes[0].cancel()
        async with runtime.move_on_after(_PATIENCE):
            await has_left.wait()
            answer = CALLER_LEAVES
        trial.step("canceller", "lets the job go")
        gate.let_go()
    await _until(runtime, gate.ended.is_set)
    return answer


cancel_in_a_job = make_question(
    _cancel_in_a_job,
    name="offload.cancel-in-a-job",
    question="A task is cancelled while it waits for a job in a thread: does it leave?",
    contract=("The job runs to its end: no thread can be stopped.",),
    ref="harness_scenarios.behaviours.offload:cancel_in_a_job",
    answers={
        CALLER_LEAVES: allowed("the further effects of the job are lost, and so is its error", _TO_THREAD),
        CALLER_WAITS: interesting(
            "the cancellation takes as long as the job; nothing is left behind (abandon_on_cancel=False)", _TRIO_THREADS
        ),
    },
    repetitions=1,
    requires=(Capability.THREAD, Capability.CANCEL_SCOPE, Capability.DEADLINE),
    variants=(*_ASYNCIO_VARIANTS, "trio:offload=abandon"),
    catches=("offload-swallows-cancellation",),
)


SCENARIOS: tuple[Scenario, ...] = (
    jobs_at_once,
    others_run,
    errors_cross,
    stop_iteration,
    context_visible,
    cancel_in_a_job,
)
