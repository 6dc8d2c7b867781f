"""The end of a run: its exception, and the fate of tasks and generators that its main function leaves behind.

The main function cannot observe events after its own end. Where those are the question a second role, the witness,
runs in a process of its own: the tasks left behind share the progress of their clean-up with it, and when the first
role has ended the witness reports that progress.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable

from harness.api import (
    ENDING,
    Capability,
    Graded,
    Parameter,
    PeerEndedError,
    Probe,
    Runtime,
    Scenario,
    allowed,
    forbidden,
    grid,
    interesting,
    outcomes,
)

from .cancel_target import PlannedFailureError
from .group_failure import wait_a_while
from .question import ANSWER, SCRIPTS, Trial, make_question

_EXIT_CODE = 3
_RUNNER = "https://docs.python.org/3/library/asyncio-runner.html#asyncio.run"
_THREADS = "https://docs.python.org/3/library/threading.html#thread-objects"
_SYSTEM_EXIT_IN_TRIO = "https://github.com/python-trio/trio/issues/2984"
_PEP_525 = "https://peps.python.org/pep-0525/#finalization"
_TRIO_GENERATORS = "https://trio.readthedocs.io/en/stable/reference-core.html#finalization"
_TIMEOUT, _HANG_AFTER = 30.0, 6.0
_SHORT = 0.001

# --- the main function raises ---


async def _raise(_: Runtime, probe: Probe) -> None:
    probe.step("main", f"raises {probe.parameters['raises']}")
    match probe.parameters["raises"]:
        case "an error":
            raise PlannedFailureError
        case "SystemExit":
            sys.exit(_EXIT_CODE)
        case _:
            raise KeyboardInterrupt


_RAISES = Parameter(
    name="raises",
    default="an error",
    summary="exception of the main function",
    choices=("an error", "SystemExit", "KeyboardInterrupt"),
)

main_raises = Scenario(
    scripts=SCRIPTS,
    name="shutdown.main-raises",
    question="The main function raises: does the run end with just that?",
    contract=("The exception of the main function leaves the run, unchanged.",),
    ref="harness_scenarios.behaviours.shutdown:main_raises",
    roles={"main": _raise},
    parameters=(_RAISES,),
    judges={
        ENDING: outcomes(
            {
                "raises PlannedFailureError": allowed("the error of the main function leaves the run", _RUNNER),
                f"exits {_EXIT_CODE}": allowed("the exit code is the one that was asked for"),
                "raises KeyboardInterrupt": allowed("an interrupt leaves the run"),
                "returns": forbidden("the exception of the main function is lost"),
            }
        )
    },
    headline=ENDING,
    rows={"quick": grid(raises=_RAISES.choices)},
    timeout=_TIMEOUT,
    hang_after=_HANG_AFTER,
    summary="The main function raises: does the run end with just that?",
)


# --- exit in a task ---


def _exit() -> None:
    sys.exit(_EXIT_CODE)


async def _exit_in_a_task(runtime: Runtime, probe: Probe) -> None:
    async def child() -> None:
        probe.step("child", "exits")
        if probe.parameters["where"] == "a job in a thread":
            await runtime.run_in_thread(_exit)
        else:
            _exit()

    async with runtime.open_task_group() as group:
        await group.spawn(child)
        probe.step("parent", "waits for the child")


_WHERE = Parameter(
    name="where",
    default="a task",
    summary="what calls sys.exit: a task itself, or a job in a thread that it waits for",
    choices=("a task", "a job in a thread"),
)
_SWALLOWED = forbidden(
    "the exit is swallowed: the program goes on and ends with 0; in a thread Python ignores it",
    "https://docs.python.org/3/library/threading.html#threading.excepthook",
)

exit_in_a_task = Scenario(
    scripts=SCRIPTS,
    name="shutdown.exit-in-a-task",
    question="A task of a group calls `sys.exit(3)`: with which exit code does the program end?",
    contract=("The program ends, and not with the exit code of success.",),
    ref="harness_scenarios.behaviours.shutdown:exit_in_a_task",
    roles={"main": _exit_in_a_task},
    parameters=(_WHERE,),
    judges={
        ENDING: outcomes(
            {
                f"exits {_EXIT_CODE}": allowed("as anywhere in a program"),
                "raises BaseExceptionGroup(SystemExit)": interesting(
                    "an exception group is a failure like any other: the exit code is 1 and a traceback is shown",
                    _SYSTEM_EXIT_IN_TRIO,
                ),
                "returns": _SWALLOWED,
            }
        )
    },
    headline=ENDING,
    rows={"quick": grid(where=_WHERE.choices)},
    timeout=_TIMEOUT,
    hang_after=_HANG_AFTER,
    summary="A task of a group calls `sys.exit(3)`: with which exit code does the program end?",
    catches=("exit-swallowed",),
)


async def _exit_unawaited(runtime: Runtime, probe: Probe) -> None:
    exits, never = runtime.create_event(), runtime.create_event()

    async def fail() -> None:
        probe.step("task", "exits")
        await exits.set()
        _exit()

    await runtime.spawn_detached(fail, name="unawaited")
    await exits.wait()
    await wait_a_while(runtime, never)
    probe.step("main", "goes on")


exit_nobody_awaits = Scenario(
    scripts=SCRIPTS,
    name="shutdown.exit-nobody-awaits",
    question="A task without owner or awaiter calls `sys.exit(3)`: does the program end?",
    contract=("The program ends, and not with the exit code of success.",),
    ref="harness_scenarios.behaviours.shutdown:exit_nobody_awaits",
    roles={"main": _exit_unawaited},
    parameters=(),
    judges={
        ENDING: outcomes({f"exits {_EXIT_CODE}": allowed("as anywhere in a program"), "returns": _SWALLOWED}),
    },
    headline=ENDING,
    rows={"quick": ({},)},
    requires=(Capability.DETACHED, Capability.DEADLINE),
    timeout=_TIMEOUT,
    hang_after=_HANG_AFTER,
    summary="A task without owner or awaiter calls `sys.exit(3)`: does the program end?",
    catches=("detached-failure-lost",),
)


# --- tasks and generators left behind ---

_BEGINS, _COMPLETES = "its clean-up begins", "its clean-up completes"
COMPLETED = "its clean-up completes"
CUT_SHORT = "its clean-up is cut short at its first wait"
NEVER = "its clean-up never begins"


async def _witness(_: Runtime, probe: Probe) -> None:
    """Report, when the main role has ended, the progress of the clean-up that it left behind."""
    await probe.until_ended("main")
    answer = NEVER
    for key, meaning in ((_BEGINS, CUT_SHORT), (_COMPLETES, COMPLETED)):
        try:
            await probe.receive(key)
        except PeerEndedError:
            break
        answer = meaning
    probe.step("witness", answer)
    probe.observe(ANSWER, answer)


async def _clean_up(runtime: Runtime, probe: Probe, actor: str) -> None:
    probe.share(_BEGINS, True)
    probe.step(actor, "begins its clean-up")
    await runtime.sleep(_SHORT)
    probe.share(_COMPLETES, True)
    probe.step(actor, "completes its clean-up")


_MAIN = Parameter(name="main", default="returns", summary="how the main function ends", choices=("returns", "raises"))


def _end(probe: Probe) -> None:
    probe.step("main", f"{probe.parameters['main']}")
    if probe.parameters["main"] == "raises":
        raise PlannedFailureError


def _make_left_behind(
    main: Callable[[Runtime, Probe], Awaitable[None]],
    *,
    name: str,
    question: str,
    contract: str,
    ref: str,
    answers: dict[str, Graded],
    requires: tuple[Capability, ...] = (),
) -> Scenario:
    return Scenario(
        scripts=SCRIPTS,
        name=name,
        question=question,
        contract=("The run ends, and as the main function does.", contract),
        ref=ref,
        roles={"main": main, "witness": _witness},
        parameters=(_MAIN,),
        judges={
            ANSWER: outcomes(answers),
            ENDING: outcomes(
                {
                    "returns": allowed("the witness, and the main function if it does"),
                    "raises PlannedFailureError": allowed("the main function, if it raises"),
                }
            ),
        },
        headline=ANSWER,
        rows={"quick": grid(main=_MAIN.choices)},
        requires=requires,
        timeout=_TIMEOUT,
        hang_after=_HANG_AFTER,
        summary=question,
    )


async def _leave_a_task(runtime: Runtime, probe: Probe) -> None:
    waits, never = runtime.create_event(), runtime.create_event()

    async def wait() -> None:
        try:
            await waits.set()
            await never.wait()
        finally:
            await _clean_up(runtime, probe, "task")

    await runtime.spawn_detached(wait, name="left behind")
    await waits.wait()
    _end(probe)


task_left_behind = _make_left_behind(
    _leave_a_task,
    name="shutdown.task-left-behind",
    question="The main function ends while a task without an owner waits: is the task cancelled?",
    contract="A task that is cancelled may clean up.",
    ref="harness_scenarios.behaviours.shutdown:task_left_behind",
    answers={
        COMPLETED: allowed("remaining tasks are cancelled, and their end is waited for", _RUNNER),
        CUT_SHORT: interesting("remaining tasks are cancelled, and not waited for"),
        NEVER: interesting("a daemonic thread is stopped as the process ends, wherever it is", _THREADS),
    },
    requires=(Capability.DETACHED,),
)


LEFT_GENERATORS: list[AsyncGenerator[int, None]] = []
"""Keeps a generator beyond the end of its run, so that it is not collected before. Once it is out it is let go."""


async def _leave_a_generator(runtime: Runtime, probe: Probe) -> None:
    async def numbers() -> AsyncGenerator[int, None]:
        try:
            yield 1
            yield 2
        finally:
            if LEFT_GENERATORS:  # else the interpreter is about to end
                await _clean_up(runtime, probe, "generator")

    generator = numbers()
    LEFT_GENERATORS.append(generator)
    async for number in generator:
        probe.step("main", f"takes {number} and leaves the loop")
        break
    _end(probe)


generator_left_behind = _make_left_behind(
    _leave_a_generator,
    name="shutdown.generator-left-behind",
    question="The main function ends while an asynchronous generator is suspended: is the generator cleaned up?",
    contract="The first statement of a generator's `finally` is run.",
    ref="harness_scenarios.behaviours.shutdown:generator_left_behind",
    answers={
        COMPLETED: allowed("generators are closed before the loop is", _PEP_525),
        CUT_SHORT: interesting("generators are closed where nothing can be waited for any more", _TRIO_GENERATORS),
        NEVER: interesting(
            "PEP 525 leaves it to the runtime: curio 1.6 wants each generator to be wrapped by `curio.meta.finalize`, "
            "threads do not know of them; resources of the generator stay open",
            _PEP_525,
        ),
    },
)


# --- an error that is never awaited ---

REPORTED = "the runtime reports the error"
LOST = "the error is lost"
_REPORT_SECONDS = 1.0
_LOOK_AGAIN = 0.002


class _NoticedFailureError(PlannedFailureError):
    """A failure that notes its report, which needs its text.

    The question holds no reference to it: through its traceback it may hold its task, which is then never collected.
    """

    def __init__(self, reports: list[str]) -> None:
        super().__init__()
        self._reports = reports

    def __str__(self) -> str:
        """Return the text, and note that it was requested."""
        text = "planned failure of a task without an owner"
        self._reports.append(text)
        return text


async def _fail_unawaited(runtime: Runtime, trial: Trial) -> str:
    reports: list[str] = []
    fails = runtime.create_event()

    async def fail() -> None:
        trial.step("task", "fails")
        await fails.set()
        raise _NoticedFailureError(reports)

    await runtime.spawn_detached(fail, name="unawaited")
    await fails.wait()
    until = runtime.now() + _REPORT_SECONDS
    while not reports and runtime.now() < until:
        await runtime.sleep(_LOOK_AGAIN)
        gc.collect()  # some say it when they forget the task
    answer = REPORTED if reports else LOST
    trial.step("main", answer)
    return answer


failure_reported = make_question(
    _fail_unawaited,
    name="shutdown.failure-nobody-awaits",
    question="A task without owner or awaiter fails: is its error reported?",
    contract=("The error of a task that is never awaited is reported by the runtime, not lost.",),
    ref="harness_scenarios.behaviours.shutdown:failure_reported",
    answers={
        REPORTED: allowed(
            "the runtime logs it or hands it to a hook", "https://docs.python.org/3/library/asyncio-dev.html"
        ),
        LOST: forbidden("the error is lost"),
    },
    repetitions=3,
    requires=(Capability.DETACHED,),
    catches=("detached-failure-lost",),
)


SCENARIOS: tuple[Scenario, ...] = (
    main_raises,
    exit_in_a_task,
    exit_nobody_awaits,
    task_left_behind,
    generator_left_behind,
    failure_reported,
)
