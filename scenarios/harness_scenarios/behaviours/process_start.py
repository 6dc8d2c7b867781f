"""Starting a child: inheritance, and the remains of a start that fails or is cancelled."""

from __future__ import annotations

import gc
import os
import re
import signal
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

from harness.api import (
    CancelScope,
    ChildProcess,
    Harm,
    Runtime,
    Scenario,
    allowed,
    forbidden,
    interesting,
    processes_of,
)

from ..parts.children import (
    NULL,
    PIPE,
    RUNS,
    ZOMBIE,
    child_of,
    count_descriptors,
    end,
    list_children,
    read_all,
    start,
    state_of,
    until,
)
from .fairness_turns import give_turns
from .process_wait import CANCELLED_CHILD, CHILD, TURNS
from .question import NEVER_ENDS, NOTED, Trial, make_question

_MODULE = "harness_scenarios.behaviours.process_start"
_SOCKETS = "https://github.com/MagicStack/uvloop/issues/532"
_LEAK = "https://github.com/MagicStack/uvloop/issues/185"
_CLOSE_FDS = "https://docs.python.org/3/library/subprocess.html#subprocess.Popen (close_fds)"
_FOUND = "docs/found/uvloop-children-inherit-descriptors.md"
_RESTORE = "https://docs.python.org/3/library/subprocess.html#subprocess.Popen (restore_signals)"
_RUN = "https://trio.readthedocs.io/en/stable/reference-io.html#trio.run_process"


# --- inheritance ---

OPENS, CANNOT_OPEN = "it opens them", "it cannot open them"
_BY_NAME = {
    "stdin": "cat /dev/stdin",
    "stdout": "echo hello >/dev/stdout",
    "stderr": "echo hello >/dev/stderr",
}


async def _open_by_name(runtime: Runtime, trial: Trial) -> str:
    name, script = list(_BY_NAME.items())[trial.number % len(_BY_NAME)]
    streams: dict[str, Any] = {"stdin": {"stdin": PIPE, "stdout": PIPE}}.get(name, {name: PIPE})
    async with child_of(runtime, f"exec 2>/dev/null; {script}" if name != "stderr" else script, **streams) as child:
        if child.stdin is not None:
            await child.stdin.send_all(b"hello\n")
            await child.stdin.aclose()
        received = await read_all(child.stderr if name == "stderr" else child.stdout)
        code = await child.wait()
    trial.step("child", f"{name}: exit code {code}")
    return OPENS if code == 0 and received == b"hello\n" else CANNOT_OPEN


streams_by_name = make_question(
    _open_by_name,
    name="process.streams-by-name",
    question="A child opens its pipes by their names, /dev/stdin, /dev/stdout and /dev/stderr: can it?",
    catches=("stdin-is-a-socket",),
    contract=("A stream that is a pipe can be opened by its name.",),
    ref=f"{_MODULE}:streams_by_name",
    answers={
        OPENS: allowed("a redirected stream is a pipe"),
        CANNOT_OPEN: forbidden("it is a pair of sockets, which cannot be opened by name (ENXIO)", _SOCKETS),
        NEVER_ENDS: forbidden("the child ends"),
    },
    repetitions=len(_BY_NAME),
    requires=CHILD,
)

NOTHING_ELSE = "it has its streams and no other"
INHERITED = "it has what this process had inheritable"


async def _inherit(runtime: Runtime, trial: Trial) -> str:
    is_passing = bool(trial.number % 2)
    with TemporaryFile() as offered, TemporaryFile() as passed:
        os.set_inheritable(offered.fileno(), True)
        more = {"pass_fds": (passed.fileno(),)} if is_passing else {}
        async with child_of(runtime, f"test -e /dev/fd/{offered.fileno()}", **more) as child:
            is_there = await child.wait() == 0
    trial.step("parent", f"another descriptor is {'' if is_passing else 'not '}passed: {is_there}")
    return INHERITED if is_there else NOTHING_ELSE


inherits_descriptors = make_question(
    _inherit,
    name="process.inherits-descriptors",
    question="This process has an inheritable descriptor that it does not pass on: does a child have it?",
    catches=("children-inherit-descriptors",),
    contract=("Descriptors other than the three streams and those that are passed are closed in the child.",),
    ref=f"{_MODULE}:inherits_descriptors",
    answers={
        NOTHING_ELSE: allowed("fds that are not passed are closed", _CLOSE_FDS),
        INHERITED: forbidden("a socket that the child holds stays open after this process has closed it", _FOUND),
        NEVER_ENDS: forbidden("the child ends at once"),
    },
    repetitions=2,
    requires=CHILD,
)

DEFAULT_SIGNALS = "no signal is ignored or blocked"
_MASKS = re.compile(r"Sig(Blk|Ign):\s*([0-9a-f]+)")


async def _read_signals(runtime: Runtime, trial: Trial) -> str:
    # `cat` itself, not the shell, which sets some of them.
    child = await processes_of(runtime).start_process(["cat", "/proc/self/status"], stdin=NULL, stdout=PIPE)
    try:
        masks = dict(_MASKS.findall((await read_all(child.stdout)).decode()))
    finally:
        await runtime.run_shielded(end, child)
    found = [
        f"{word} {signal.Signals(number).name}"
        for kind, word in (("Blk", "blocks"), ("Ign", "ignores"))
        for number in range(1, 32)
        if int(masks[kind], 16) >> (number - 1) & 1
    ]
    trial.step("child", ", ".join(found) or DEFAULT_SIGNALS)
    return ", ".join(found) or DEFAULT_SIGNALS


signals_of_a_child = make_question(
    _read_signals,
    name="process.signals-of-a-child",
    question="Python ignores SIGPIPE: does a child start with that, or with any signal ignored or blocked?",
    catches=("children-ignore-sigpipe",),
    contract=("A child starts with the default handling of signals.",),
    ref=f"{_MODULE}:signals_of_a_child",
    answers={
        DEFAULT_SIGNALS: allowed("what Python ignores for itself is restored", _RESTORE),
        "ignores SIGPIPE, ignores SIGXFSZ": forbidden("`yes | head` in the child never ends", _RESTORE),
        NEVER_ENDS: forbidden("the child ends at once"),
    },
    repetitions=1,
    requires=CHILD,
)


# --- remains of a start ---

NOTHING_LEFT = "nothing is left behind"
DESCRIPTORS_LEFT = "descriptors stay open"
CHILDREN_LEFT = "processes are left"
WRONG_ERROR = "the error does not say what is wrong"
_FAILURES = 10
_SETTLE_SECONDS = 0.02
_RUN_SECONDS = 1.5
"""Time-out of a run: longer than any start takes, so that it is the program that is cut."""
_RUNS_SECONDS = 0.05
"""Behind the start of the program itself, in which its start is over for the runtime too."""


async def _fail_to_start(runtime: Runtime, trial: Trial) -> str:
    with TemporaryDirectory() as folder:
        await (await start(runtime, "true")).wait()  # a runtime may open descriptors that it keeps
        gc.collect()
        descriptors, children = count_descriptors(), list_children()
        attempts: tuple[tuple[list[str], dict[str, Any], type[OSError]], ...] = (
            (["/nonexistent/program"], {}, FileNotFoundError),
            ([folder], {}, PermissionError),
            (["true"], {"cwd": f"{folder}/nonexistent"}, FileNotFoundError),
        )
        command, options, expected = attempts[trial.number % len(attempts)]
        kinds = {await _kind_of_start(runtime, command, options) for _ in range(_FAILURES)}
        await runtime.sleep(_SETTLE_SECONDS)
        left, processes = count_descriptors() - descriptors, list_children() - children
        gc.collect()
        trial.observe("after the collector", count_descriptors() - descriptors)
    trial.step("parent", f"{' '.join(kinds)}; {left} descriptors and {len(processes)} processes are left")
    if kinds != {expected.__name__}:
        return WRONG_ERROR
    if processes:
        return CHILDREN_LEFT
    return DESCRIPTORS_LEFT if left >= _FAILURES else NOTHING_LEFT


async def _kind_of_start(runtime: Runtime, command: list[str], options: dict[str, Any]) -> str:
    try:
        child = await processes_of(runtime).start_process(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, **options)
    except OSError as exc:
        return type(exc).__name__
    await end(child)
    return "no error"


failed_start = make_question(
    _fail_to_start,
    name="process.failed-start-leaves-nothing",
    question="Ten starts fail: no such program, not executable, no such folder. Is anything left of them?",
    catches=("failed-start-keeps-a-pipe",),
    contract=("A start that fails raises what kept the program from running, and leaves nothing behind.",),
    ref=f"{_MODULE}:failed_start",
    answers={
        NOTHING_LEFT: allowed("its pipes are closed at once"),
        DESCRIPTORS_LEFT: forbidden(
            "a program that retries runs out of descriptors before the collector runs", _LEAK, harm=Harm.LEAK
        ),
        CHILDREN_LEFT: forbidden("the process that could not become the program is a zombie", harm=Harm.LEAK),
        WRONG_ERROR: forbidden("the error is the only way to find the cause"),
        NEVER_ENDS: forbidden("the start has failed"),
    },
    repetitions=3,
    judges={"after the collector": NOTED},
    requires=CHILD,
)


async def _cancel_a_start(runtime: Runtime, trial: Trial) -> str:
    turn = TURNS[trial.number % len(TURNS)]
    await (await start(runtime, "true")).wait()
    gc.collect()
    descriptors, children = count_descriptors(), list_children()
    started: list[ChildProcess] = []
    scopes: list[CancelScope] = []
    stands = runtime.create_event()

    async def begin() -> None:
        async with runtime.open_cancel_scope() as scope:
            scopes.append(scope)
            await stands.set()
            if turn < 0:
                await scope.cancel()
            command = ["sleep", "60"]
            started.append(await processes_of(runtime).start_process(command, stdin=PIPE, stdout=PIPE, stderr=PIPE))

    async with runtime.open_task_group() as group:
        await group.spawn(begin)
        await stands.wait()
        await give_turns(runtime, max(turn, 0))
        await scopes[0].cancel()
    for child in started:
        await end(child)
    await until(runtime, lambda: list_children() <= children, 0.3)
    await runtime.sleep(_SETTLE_SECONDS)
    return _clean_up_after(trial, turn, list_children() - children, count_descriptors() - descriptors)


def _clean_up_after(trial: Trial, turn: int, left: set[int], descriptors: int) -> str:
    trial.step("parent", f"cancelled in turn {turn}: {len(left)} processes and {descriptors} descriptors are left")
    for pid in left:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    if left:
        return CHILDREN_LEFT
    return DESCRIPTORS_LEFT if descriptors >= 3 else NOTHING_LEFT


start_cancelled = make_question(
    _cancel_a_start,
    name="process.cancelled-start-leaves-nothing",
    question="The start of a child is cancelled in each of its turns: is a process or a descriptor left behind?",
    catches=("cancelled-start-leaves-a-child",),
    contract=("A cancelled start leaves neither process nor descriptor behind.",),
    ref=f"{_MODULE}:start_cancelled",
    answers={
        NOTHING_LEFT: allowed("a started process was ended, or was returned"),
        CHILDREN_LEFT: forbidden("a process runs without an owner that could wait for it", harm=Harm.LEAK),
        DESCRIPTORS_LEFT: forbidden("its pipes stay open", harm=Harm.LEAK),
        NEVER_ENDS: forbidden("a cancellation ends the start"),
    },
    repetitions=len(TURNS),
    requires=CANCELLED_CHILD,
)


# --- a run that is cancelled ---

ENDED = "the child has ended and is reaped"
LIVES = "the child runs on"
LEFT_A_ZOMBIE = "the child is a zombie"
_LOOK_SECONDS = 0.3


async def _cancel_a_run(runtime: Runtime, trial: Trial) -> str:
    children = list_children()
    found: set[int] = set()
    async with runtime.open_cancel_scope() as scope:

        async def cancel() -> None:
            nonlocal found
            await until(runtime, lambda: any(map(_is_asleep, list_children() - children)), 3.0)
            found = list_children() - children
            await runtime.sleep(_RUNS_SECONDS * (1 + trial.number))
            await scope.cancel()

        async with runtime.open_task_group() as group:
            await group.spawn(cancel)
            await processes_of(runtime).run_process(["sleep", "60"])
    return await _fate_of(runtime, found)


def _is_asleep(pid: int) -> bool:
    """Return whether the program itself runs, and not this one on its way there."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text(encoding="ascii") == "sleep\n"
    return False


async def _time_out_a_run(runtime: Runtime, trial: Trial) -> str:
    del trial
    children = list_children()
    async with runtime.move_on_after(_RUN_SECONDS):
        await processes_of(runtime).run_process(["sleep", "60"])
    return await _fate_of(runtime, list_children() - children)


async def _fate_of(runtime: Runtime, pids: set[int]) -> str:
    """Return what became of children, and end them."""
    await until(runtime, lambda: all(state_of(pid) not in (RUNS, ZOMBIE) for pid in pids), _LOOK_SECONDS)
    states = {state_of(pid) for pid in pids}
    for pid in pids:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    await until(runtime, lambda: all(state_of(pid) not in (RUNS, ZOMBIE) for pid in pids), _LOOK_SECONDS)
    return LIVES if RUNS in states else LEFT_A_ZOMBIE if ZOMBIE in states else ENDED


_FATES = {
    ENDED: allowed("who starts a program to its end also ends it", _RUN),
    LIVES: interesting("the process has no owner any more, and its work is lost"),
    LEFT_A_ZOMBIE: forbidden("it was killed and is never waited for", harm=Harm.LEAK),
    NEVER_ENDS: forbidden("a cancellation ends the call"),
}

run_cancelled = make_question(
    _cancel_a_run,
    name="process.cancelled-run",
    question="The task that runs a program to its end is cancelled: what becomes of the program?",
    catches=("cancelled-run-leaves-a-zombie",),
    contract=("A cancelled call ends; a process that it ended is waited for.",),
    ref=f"{_MODULE}:run_cancelled",
    answers=_FATES,
    repetitions=3,
    requires=CANCELLED_CHILD,
)

run_timed_out = make_question(
    _time_out_a_run,
    name="process.timed-out-run",
    question="A program that is run to its end takes longer than its time-out: what becomes of the program?",
    catches=("cancelled-run-leaves-a-zombie",),
    contract=("The time-out ends the call; a process that it ended is waited for.",),
    ref=f"{_MODULE}:run_timed_out",
    answers=_FATES,
    repetitions=1,
    requires=CHILD,
    screening=False,
)

SCENARIOS: tuple[Scenario, ...] = (
    streams_by_name,
    inherits_descriptors,
    signals_of_a_child,
    failed_start,
    start_cancelled,
    run_cancelled,
    run_timed_out,
)
