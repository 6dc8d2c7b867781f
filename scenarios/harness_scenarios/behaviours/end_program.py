"""The end of a program, seen from outside: its waits, lost data, completed work and reports."""

from __future__ import annotations

import socket

from harness.api import Capability, Harm, Scenario, allowed, forbidden, interesting

from ..parts.programs import Program
from .end_programs import ACCEPTED
from .end_question import AT_ONCE, NEVER, WITH_THE_JOB, Case, make_end_question, when_it_ends

_MODULE = "harness_scenarios.behaviours.end_program"
_SHUTDOWN = "https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.shutdown_default_executor"
_DRAIN = "https://docs.python.org/3/library/asyncio-stream.html#asyncio.StreamWriter.drain"
_PEP_525 = "https://peps.python.org/pep-0525/#finalization"
_RUNNER = "https://docs.python.org/3/library/asyncio-runner.html#asyncio.run"
_ATEXIT = "https://docs.python.org/3/library/atexit.html"
_DEV = "https://docs.python.org/3/library/asyncio-dev.html#detect-never-retrieved-exceptions"
_WAYS = {"returns": "exit 0", "raises": "exit 1", "exits": "exit 3"}
"""How the main function ends, and the exit status that says so."""


# --- jobs that run on ---


async def _end_beside_a_job(program: Program) -> str:
    how = next(how for how, status in _WAYS.items() if how == program_argument(program))
    when = await when_it_ends(program)
    if when == NEVER:
        return NEVER
    if program.status() != _WAYS[how]:
        return f"{when}, with another exit status"
    return f"{when}, the job is {'done' if 'the job is done' in program.marks() else 'not done'}"


def program_argument(program: Program) -> str:
    """Return the last argument of a program before its gate: how it ends."""
    return program.arguments[-1]


_JOB_ANSWERS = {
    f"{AT_ONCE}, the job is not done": interesting("the rest of the job is not done, and no error is reported"),
    f"{WITH_THE_JOB}, the job is done": allowed("the end waits for jobs that have begun", _SHUTDOWN),
    f"{AT_ONCE}, with another exit status": forbidden("how the main function ended is the exit status"),
    f"{WITH_THE_JOB}, with another exit status": forbidden("how the main function ended is the exit status"),
    f"{WITH_THE_JOB}, the job is not done": forbidden("the program waits for the job, and cuts it"),
    NEVER: forbidden("the main function and the job have ended", harm=Harm.HANG),
}


def _ends_beside(kind: str, name: str, question: str, ref: str, capability: Capability) -> Scenario:
    return make_end_question(
        _end_beside_a_job,
        name=name,
        question=question,
        contract=("The program ends, at the latest with the job, with the exit status of its main function.",),
        ref=f"{_MODULE}:{ref}",
        cases={f"the main function {how}": Case("end_beside_a_job", (kind, how)) for how in _WAYS},
        answers=_JOB_ANSWERS,
        catches=("exit-status-is-lost",),
        requires=(Capability.CANCEL_SCOPE, capability),
        variants=("trio:offload=abandon",) if kind == "thread job" else (),
    )


beside_a_thread_job = _ends_beside(
    "thread job",
    "end.main-ends-while-a-thread-job-runs",
    "The main function ends while a thread job runs whose caller was cancelled: does the program wait for the job?",
    "beside_a_thread_job",
    Capability.THREAD,
)
beside_a_process_job = _ends_beside(
    "process job",
    "end.main-ends-while-a-process-job-runs",
    "The main function ends while a process job runs whose caller was cancelled: does the program wait for the job?",
    "beside_a_process_job",
    Capability.PROCESS,
)
beside_a_child = _ends_beside(
    "child process",
    "end.main-ends-while-a-child-runs",
    "The main function ends while a child runs that nothing waits for any more: does the program wait for the child?",
    "beside_a_child",
    Capability.CHILD_PROCESS,
)


# --- a full executor ---

_QUEUED_NOT_RUN, _QUEUED_RUN = "queued jobs are not begun", "queued jobs are still begun"
_LOST = "the program goes on as if nothing had come"
_JOBS = 80


async def _interrupt_a_full_executor(program: Program) -> str:
    await program.until_ended_or_at_rest()  # as many run as there are threads for
    before = program.marks().count("the job runs")
    program.interrupt()
    when = await when_it_ends(program)
    begun = program.marks().count("the job runs") - before
    if when == NEVER:
        return NEVER
    if program.status() == "exit 0":
        return _LOST
    return f"{when}, {_QUEUED_RUN if begun else _QUEUED_NOT_RUN}"


full_executor = make_end_question(
    _interrupt_a_full_executor,
    name="end.interrupt-with-queued-jobs",
    question="Ctrl-C comes while 80 thread jobs block or are queued: are the queued ones still begun?",
    contract=("A job that was not begun when the program was told to end is not begun.",),
    ref=f"{_MODULE}:full_executor",
    cases={"80 jobs": Case("fill_the_executor", (str(_JOBS),))},
    answers={
        f"{AT_ONCE}, {_QUEUED_NOT_RUN}": allowed("the program ends"),
        f"{WITH_THE_JOB}, {_QUEUED_NOT_RUN}": allowed("only jobs that have begun are waited for"),
        f"{WITH_THE_JOB}, {_QUEUED_RUN}": interesting("the program goes through its whole queue before it ends"),
        f"{AT_ONCE}, {_QUEUED_RUN}": forbidden("a job is begun by a program that ends"),
        _LOST: forbidden("the interrupt is lost"),
        NEVER: forbidden("the jobs were let go", harm=Harm.HANG),
    },
    catches=("interrupt-is-ignored",),
    requires=(Capability.THREAD,),
)


# --- bytes ---

ALL_ARRIVE, SOME_LOST = "all that was accepted arrives", "a part of what was accepted is lost"
_PEER_SECONDS = 10.0


async def _end_with_unsent_bytes(program: Program) -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(_PEER_SECONDS)
        await program.write_gate(str(listener.getsockname()[1]))
        peer, _ = listener.accept()
    with peer:
        peer.settimeout(_PEER_SECONDS)
        await program.until(lambda: any(mark.startswith(ACCEPTED) for mark in program.marks()), _PEER_SECONDS)
        if program_argument(program) == "is interrupted":
            program.interrupt()
        await program.until_ended_or_at_rest()
        received = _count_bytes(peer)
    if not await program.has_ended():
        return NEVER
    accepted = next(int(mark.removeprefix(ACCEPTED)) for mark in program.marks() if mark.startswith(ACCEPTED))
    return ALL_ARRIVE if received >= accepted else SOME_LOST


def _count_bytes(peer: socket.socket) -> int:
    received = 0
    try:
        while chunk := peer.recv(1 << 16):
            received += len(chunk)
    except OSError:  # reset, or the time is over
        pass
    return received


unsent_bytes = make_end_question(
    _end_with_unsent_bytes,
    name="end.bytes-are-unsent",
    question="A program sends until its peer makes it wait, and ends: does all that was accepted arrive?",
    contract=("All bytes that the system has accepted arrive; only bytes in the buffers of the runtime may be lost.",),
    ref=f"{_MODULE}:unsent_bytes",
    cases={f"the main function {how}": Case("send_and_end", (how,)) for how in (*_WAYS, "is interrupted")},
    answers={
        ALL_ARRIVE: allowed("a send returns when the system has the bytes, or they are flushed at the end"),
        SOME_LOST: interesting(
            "drain returns with up to 64 KiB in a buffer that goes with the loop", _DRAIN, harm=Harm.DATA
        ),
        NEVER: forbidden("the end waits for a peer that reads late", harm=Harm.HANG),
    },
    catches=("end-hangs",),
    requires=(Capability.DEADLINE,),
)


# --- generators ---

_CLOSED, _NOT_CLOSED = "the generator is closed", "the generator is not closed"


async def _end_with_a_generator(program: Program) -> str:
    if program_argument(program) == "is interrupted":
        program.interrupt()
    if not await program.has_ended():
        return NEVER
    return _CLOSED if _CLOSED in program.marks() else _NOT_CLOSED


left_generator = make_end_question(
    _end_with_a_generator,
    name="end.generator-is-suspended",
    question="A program ends while an asynchronous generator is suspended: does the `finally` of the generator run?",
    contract=("The first statement of a generator's `finally` is run.",),
    ref=f"{_MODULE}:left_generator",
    cases={f"the main function {how}": Case("leave_a_generator", (how,)) for how in (*_WAYS, "is interrupted")},
    answers={
        _CLOSED: allowed("generators are closed before the loop is", _PEP_525),
        _NOT_CLOSED: interesting("resources of the generator are left to the end of the process", _PEP_525),
        NEVER: forbidden("the end of the program waits for an abandoned generator", harm=Harm.HANG),
    },
    catches=("end-hangs",),
)


# --- clean-up ---

_DONE, _BEGUN, _NOT_BEGUN = "the clean-up is done", "the clean-up is cut at its wait", "the clean-up is not begun"


async def _interrupt_and_clean_up(program: Program) -> str:
    program.interrupt()
    if not await program.has_ended():
        return NEVER
    marks = program.marks()
    return _DONE if _DONE in marks else _BEGUN if "the clean-up begins" in marks else _NOT_BEGUN


clean_up_after_interrupt = make_end_question(
    _interrupt_and_clean_up,
    name="end.clean-up-after-interrupt",
    question="Ctrl-C comes while a function waits that has a clean-up with a wait: is the clean-up done?",
    contract=("A clean-up is begun.",),
    ref=f"{_MODULE}:clean_up_after_interrupt",
    cases={
        where: Case("clean_up", (where,))
        for where in ("the main function", "a task of a group", "a task and its group")
    },
    answers={
        _DONE: allowed("the interrupt is a cancellation, and clean-ups are waited for", _RUNNER),
        _BEGUN: interesting("each further wait raises as well: a connection is not closed in an orderly way"),
        _NOT_BEGUN: interesting("resources of the function are left to the end of the process"),
        NEVER: forbidden("the clean-up never comes to its end", harm=Harm.HANG),
    },
    catches=("interrupt-is-ignored",),
)

_WORK = ("sleeps", "runs a thread job", "starts a child", "opens a group")


async def _work_in_clean_up(program: Program) -> str:
    program.interrupt()
    if not await program.has_ended():
        return NEVER
    marks = program.marks()
    return next((word for word in ("done", "cancelled", "refused") if f"the work is {word}" in marks), "not begun")


work_in_clean_up = make_end_question(
    _work_in_clean_up,
    name="end.work-in-clean-up",
    question="A clean-up after Ctrl-C sleeps, runs a thread job, starts a child or opens a group: is that done?",
    contract=("Work of a clean-up is done, or the clean-up sees why not.",),
    ref=f"{_MODULE}:work_in_clean_up",
    cases={what: Case("work_in_clean_up", (what,)) for what in _WORK},
    answers={
        "done": allowed("a clean-up may do whatever the function could", _RUNNER),
        "cancelled": interesting("each wait of a cancelled scope raises: a clean-up that waits needs a shield"),
        "refused": interesting("the runtime raises an error of its own"),
        "not begun": forbidden("the clean-up is not begun"),
        NEVER: forbidden("the clean-up hangs, and with it the program", harm=Harm.HANG),
    },
    catches=("interrupt-is-ignored",),
    requires=(Capability.THREAD, Capability.CHILD_PROCESS),
)


# --- where, how often, in which order ---


async def _run_in_a_thread(program: Program) -> str:
    if program_argument(program) == "is interrupted":
        program.interrupt()
    await program.until_ended_or_at_rest()
    program.open_gate()
    if not await program.until_ended():
        return NEVER
    is_over = "the main function ends" in program.marks()
    return f"{program.status()}, the run is {'over' if is_over else 'cut'}"


in_another_thread = make_end_question(
    _run_in_a_thread,
    name="end.run-in-another-thread",
    question="The runtime runs outside the main thread, with a thread job and a child: how does the program end?",
    contract=("A run outside the main thread works, and comes to its end.",),
    ref=f"{_MODULE}:in_another_thread",
    cases={
        f"the main function {how}": Case("run_in_another_thread", (how,))
        for how in ("returns", "raises", "is interrupted")
    },
    answers={
        "exit 0, the run is over": allowed("an error in a thread is printed, and the program goes on"),
        "SIGINT, the run is over": allowed("the interrupt ends the main thread; the run is waited for"),
        "SIGINT, the run is cut": interesting("the interrupt ends the run of another thread"),
        "exit 1, the run is over": allowed("the main thread fails behind the run"),
        "exit 0, the run is cut": forbidden("the run failed where it works in the main thread"),
        "exit 1, the run is cut": forbidden("the run failed where it works in the main thread"),
        NEVER: forbidden("the run does not come to its end", harm=Harm.HANG),
    },
    catches=("end-hangs",),
    requires=(Capability.THREAD, Capability.CHILD_PROCESS),
)

_AGAIN, _NOT_AGAIN = "the second run works", "the second run fails"


async def _run_twice(program: Program) -> str:
    if program_argument(program) == "is interrupted":
        program.interrupt()
    if not await program.has_ended():
        return NEVER
    return _AGAIN if "the second run is over" in program.marks() and program.status() == "exit 0" else _NOT_AGAIN


second_run = make_end_question(
    _run_twice,
    name="end.second-run",
    question="A run has returned, failed, exited or was interrupted: does another one work in the same process?",
    contract=("Each run is a fresh one.",),
    ref=f"{_MODULE}:second_run",
    cases={f"the first {how}": Case("run_twice", (how,)) for how in (*_WAYS, "is interrupted")},
    answers={
        _AGAIN: allowed("nothing of the first run is in the way of the second"),
        _NOT_AGAIN: forbidden("something that the first run has left breaks the second"),
        NEVER: forbidden("the second run hangs", harm=Harm.HANG),
    },
    catches=("second-run-fails",),
    requires=(Capability.THREAD, Capability.CHILD_PROCESS),
)


async def _order_of_the_end(program: Program) -> str:
    await when_it_ends(program)
    order = [mark for mark in program.marks() if mark in ("the run is over", "the job is done", "atexit")]
    return ", ".join(order)


order_of_the_end = make_end_question(
    _order_of_the_end,
    name="end.order-of-exit",
    question="A thread job outlives the main function: in which order do the run, the job and `atexit` end?",
    contract=("`atexit` functions are called once, behind the run.",),
    ref=f"{_MODULE}:order_of_the_end",
    cases={"the main function returns": Case("end_beside_a_job", ("thread job", "returns"))},
    answers={
        "the job is done, the run is over, atexit": allowed("the run waits for its jobs", _SHUTDOWN),
        "the run is over, the job is done, atexit": interesting(
            "the interpreter waits for the job, not the run", _ATEXIT
        ),
        "the run is over, atexit": interesting("the job is cut as the process ends", _ATEXIT),
        "the run is over, atexit, the job is done": interesting("the job runs behind `atexit` functions", _ATEXIT),
        "": forbidden("the end of the run is not reached"),
    },
    catches=("end-hangs",),
    requires=(Capability.THREAD, Capability.CANCEL_SCOPE),
    variants=("trio:offload=abandon",),
)


# --- reports ---

_EARLY, _LATE, _UNREPORTED = "it is reported at once", "it is reported at the end", "it is not reported"


async def _fail_a_task(program: Program) -> str:
    if not await program.has_ended():
        return NEVER
    before, _, behind = program.errors().partition("the main function ends")
    return _EARLY if "PlannedFailureError" in before else _LATE if "PlannedFailureError" in behind else _UNREPORTED


failed_task = make_end_question(
    _fail_a_task,
    name="end.error-of-a-task",
    question="A task fails that nothing waits for, and the main function goes on: is the error reported, and when?",
    contract=("An error that nothing awaited is reported, at the end of the program at the latest.",),
    ref=f"{_MODULE}:failed_task",
    cases={"the main function goes on": Case("fail_a_task")},
    answers={
        _EARLY: allowed("the error is seen when it happens", _DEV),
        _LATE: allowed("the error is seen when the task is collected", _DEV),
        _UNREPORTED: forbidden("the error is lost"),
        NEVER: forbidden("the task has failed", harm=Harm.HANG),
    },
    catches=("end-hangs",),
    requires=(Capability.DETACHED,),
)

_WARNED, _SILENT, _IT_RUNS = "it is warned of", "nothing is said", "it runs"


async def _forget_a_coroutine(program: Program) -> str:
    if not await program.has_ended():
        return NEVER
    if "it runs" in program.marks():
        return _IT_RUNS
    return _WARNED if "was never awaited" in program.errors() else _SILENT


forgotten_coroutine = make_end_question(
    _forget_a_coroutine,
    name="end.unawaited-coroutine",
    question="A coroutine is never awaited: does the program warn of it before it ends?",
    contract=("A coroutine that is not awaited does not run, and is warned of.",),
    ref=f"{_MODULE}:forgotten_coroutine",
    cases={how: Case("forget_a_coroutine", (how,)) for how in ("dropped", "kept until the end")},
    answers={
        _WARNED: allowed("RuntimeWarning: coroutine was never awaited", _DEV),
        _IT_RUNS: forbidden("nothing has started it"),
        _SILENT: interesting("the function is not run, and no warning is given"),
        NEVER: forbidden("nothing runs", harm=Harm.HANG),
    },
    catches=("end-hangs",),
)


SCENARIOS: tuple[Scenario, ...] = (
    beside_a_thread_job,
    beside_a_process_job,
    beside_a_child,
    full_executor,
    unsent_bytes,
    left_generator,
    clean_up_after_interrupt,
    work_in_clean_up,
    in_another_thread,
    second_run,
    order_of_the_end,
    failed_task,
    forgotten_coroutine,
)
