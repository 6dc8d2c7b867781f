"""Signals to a program: when does the process end, with which exit status, and which parts of it survive?"""

from __future__ import annotations

import signal

from harness.api import Capability, Graded, Harm, Scenario, allowed, forbidden, interesting

from ..parts.programs import Program
from .end_question import AT_ONCE, NEVER, WITH_THE_JOB, Case, make_end_question, when_it_ends

_MODULE = "harness_scenarios.behaviours.end_interrupt"
_JOB = "https://github.com/python/cpython/issues/111358"
_GROUP = "https://github.com/python-trio/trio/issues/2984"
_SIGINT = "https://docs.python.org/3/library/signal.html#signal.SIGINT"
_HANDLER = "https://docs.python.org/3/library/signal.html#execution-of-python-signal-handlers"
_RUNNER = "https://docs.python.org/3/library/asyncio-runner.html#handling-keyboard-interruption"
_THREADS = "https://docs.python.org/3/library/threading.html#thread-objects"
_MOST_INTERRUPTS = 4
COMPUTES_ON = "computes on"
INTERRUPTED = "SIGINT"
"""The status of a program that an interrupt has ended: a shell sees it, and stops its script."""

_JOBS = {kind: Case("wait_for_a_job", (kind,)) for kind in ("no job", "thread job", "process job", "child process")}


async def _interrupt(program: Program) -> str:
    program.interrupt()
    when = await when_it_ends(program)
    return f"{when}, {program.status()}"


_STATUS = "the exit status says failure where a shell looks for the interrupt: a loop of the shell goes on"
interrupted_beside_a_job = make_end_question(
    _interrupt,
    name="end.interrupt-while-a-job-runs",
    question="Ctrl-C comes while a thread job, a process job or a child runs: when does the program end, and how?",
    contract=("An interrupt ends the program, and its exit status is not that of success.",),
    ref=f"{_MODULE}:interrupted_beside_a_job",
    cases=_JOBS,
    answers={
        f"{AT_ONCE}, {INTERRUPTED}": allowed("the program ends as every program does on Ctrl-C", _SIGINT),
        f"{AT_ONCE}, exit 130": allowed("the exit status of a shell that was interrupted"),
        f"{AT_ONCE}, exit 1": interesting(_STATUS, _GROUP),
        f"{WITH_THE_JOB}, {INTERRUPTED}": interesting(
            "Ctrl-C seems to do nothing until the job is over, which may be never", _JOB
        ),
        f"{WITH_THE_JOB}, exit 1": interesting("Ctrl-C seems to do nothing until the job is over", _JOB),
        f"{AT_ONCE}, exit 0": forbidden("a shell takes the interrupted program for one that succeeded"),
        f"{WITH_THE_JOB}, exit 0": forbidden("a shell takes the interrupted program for one that succeeded"),
        f"{NEVER}, no end": forbidden("nothing but SIGKILL ends it", harm=Harm.HANG),
    },
    catches=("interrupt-is-ignored", "exit-status-is-lost"),
    requires=(Capability.THREAD, Capability.PROCESS, Capability.CHILD_PROCESS),
    variants=("trio:offload=abandon",),
    rows={"quick": ({},)},
)


# --- how often ---


async def _interrupt_until_it_ends(program: Program) -> str:
    for count in range(1, _MOST_INTERRUPTS + 1):
        program.interrupt()
        if await program.until_ended_or_at_rest():
            return _COUNTED.get(count, _SEVERAL)
    return "only SIGKILL"


_SEVERAL = "more than 2 interrupts"
_COUNTED = {1: "1 interrupt", 2: "2 interrupts"}
_COUNTS: dict[str, Graded] = {
    "1 interrupt": allowed("one is enough"),
    "2 interrupts": interesting("the first one asks and the second one ends it"),
    _SEVERAL: interesting("the run, its executor and the interpreter are each waited for", _JOB),
    "only SIGKILL": forbidden("Ctrl-C does not end the program, however often it is pressed", harm=Harm.HANG),
}
interrupts_needed = make_end_question(
    _interrupt_until_it_ends,
    name="end.interrupts-needed",
    question="A thread job, a process job or a child never ends: how often must Ctrl-C be pressed?",
    contract=("Ctrl-C ends a program in the end.",),
    ref=f"{_MODULE}:interrupts_needed",
    cases={
        kind: Case("refuse_to_end", (kind,))
        for kind in ("thread job", "process job", "child process", "a task refuses")
    },
    answers=_COUNTS,
    catches=("interrupt-is-ignored",),
    requires=(Capability.THREAD, Capability.PROCESS, Capability.CHILD_PROCESS),
    variants=("trio:offload=abandon",),
)


# --- each stage ---


async def _interrupt_at_a_stage(program: Program) -> str:
    program.interrupt()
    if await program.until_ended_or_at_rest():
        return program.status()
    program.interrupt()
    if await program.until_ended_or_at_rest():
        return f"{program.status()}, at the second interrupt"
    return COMPUTES_ON if program.computes() else program.status()


_STAGES = (
    "before the run",
    "the main function computes",
    "a task computes",
    "all wait",
    "a clean-up computes",
    "after the run",
    "atexit",
)
interrupted_at_each_stage = make_end_question(
    _interrupt_at_a_stage,
    name="end.interrupt-at-each-stage",
    question="Ctrl-C comes before, in, and after a run: with which exit status does the program end?",
    contract=("An interrupt ends the program, and its exit status is not that of success.",),
    ref=f"{_MODULE}:interrupted_at_each_stage",
    cases={stage: Case("interrupt_at", (stage,)) for stage in _STAGES},
    answers={
        INTERRUPTED: allowed("as every program ends on Ctrl-C", _SIGINT),
        "exit 130": allowed("the exit status of a shell that was interrupted"),
        "exit 1": interesting(_STATUS, _GROUP),
        "exit 0": interesting("in an `atexit` function Python prints the interrupt and goes on", _SIGINT),
        f"{INTERRUPTED}, at the second interrupt": interesting(
            "the first one asks the main task to end at its next wait, and code that computes has none", _RUNNER
        ),
        "exit 1, at the second interrupt": interesting("the first one is not enough, and the status says failure"),
        COMPUTES_ON: interesting("the end of the program waits for a thread that cannot be interrupted", _THREADS),
        "no end": forbidden("the interrupt is lost"),
    },
    catches=("interrupt-is-ignored",),
)


# --- SIGTERM ---

_TERM = "SIGTERM"
_NOTHING_LEFT, _LEFT = "nothing is left", "what it has started runs on"


async def _terminate(program: Program) -> str:
    program.interrupt(signal.SIGTERM)
    if not await program.until_ended_or_at_rest():
        return f"{NEVER}, {_LEFT}"
    await program.until(lambda: not program.survivors(), 1.0)
    return f"{program.status()}, {_LEFT if program.survivors() else _NOTHING_LEFT}"


terminated_beside_a_job = make_end_question(
    _terminate,
    name="end.sigterm-while-a-job-runs",
    question="SIGTERM comes while a thread job, a process job or a child runs: which processes are left?",
    contract=("SIGTERM ends a program at once.",),
    ref=f"{_MODULE}:terminated_beside_a_job",
    cases=_JOBS,
    answers={
        f"{_TERM}, {_NOTHING_LEFT}": allowed("the system ends the process, and pools notice that it is gone"),
        f"{_TERM}, {_LEFT}": interesting("a service manager has to end the whole group of processes"),
        f"{NEVER}, {_LEFT}": forbidden("the runtime has taken the signal and does nothing with it"),
    },
    catches=("sigterm-is-ignored",),
    requires=(Capability.THREAD, Capability.PROCESS, Capability.CHILD_PROCESS),
)

_CLEAN, _CUT = "the tasks are cleaned up", "the tasks are not cleaned up"


async def _handle(program: Program) -> str:
    program.interrupt(signal.SIGTERM)
    if not await program.until_ended_or_at_rest():
        is_called = "the handler runs" in program.marks()
        return f"{COMPUTES_ON if program.computes() else NEVER}, the handler {'runs' if is_called else 'does not run'}"
    return f"{program.status()}, {_CLEAN if 'the task is cleaned up' in program.marks() else _CUT}"


handled_sigterm = make_end_question(
    _handle,
    name="end.sigterm-handler-exits",
    question="A handler of SIGTERM calls `sys.exit(3)`: is 3 the exit status, and are tasks cleaned up?",
    contract=("A Python signal handler runs soon, also while all tasks wait; its exit ends the program.",),
    ref=f"{_MODULE}:handled_sigterm",
    cases={where: Case("handle_sigterm", (where,)) for where in ("all wait", "a task computes")},
    answers={
        f"exit 3, {_CLEAN}": allowed("the exit is an exception as any other", _HANDLER),
        f"exit 3, {_CUT}": interesting("the status is right, and the `finally` of tasks did not run", _HANDLER),
        f"exit 1, {_CLEAN}": interesting("the exit became a failure: an exception group is one", _GROUP),
        f"exit 1, {_CUT}": interesting("the exit became a failure", _GROUP),
        f"{COMPUTES_ON}, the handler runs": interesting("the exit waits for a thread that computes", _THREADS),
        f"{COMPUTES_ON}, the handler does not run": forbidden("the handler waits until nothing computes", _HANDLER),
        f"{NEVER}, the handler runs": forbidden("the exit of the handler is lost"),
        f"{NEVER}, the handler does not run": forbidden("the handler waits for a turn that nothing gives", _HANDLER),
    },
    catches=("sigterm-is-ignored",),
)

SCENARIOS: tuple[Scenario, ...] = (
    interrupted_beside_a_job,
    interrupts_needed,
    interrupted_at_each_stage,
    terminated_beside_a_job,
    handled_sigterm,
)
