"""What children have to do with the rest of the process: signals, other libraries' children, threads, fork hooks."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable

from harness.api import ChildProcess, Runtime, Scenario, allowed, forbidden, interesting

from ..parts.children import (
    PIPE,
    RUNS,
    UNTIL_TOLD,
    child_of,
    count_threads,
    end,
    ends_within,
    start,
    state_of,
    tell,
    until,
    wait_blocking,
)
from .fairness_turns import give_turns
from .process_wait import CHILD
from .question import NEVER_ENDS, NOTED, Trial, make_question

_MODULE = "harness_scenarios.behaviours.process_others"
_POPEN = "https://docs.python.org/3/library/subprocess.html#subprocess.Popen.send_signal"
_ASYNCIO = "https://docs.python.org/3/library/asyncio-subprocess.html#asyncio.subprocess.Process.send_signal"
_WAITPID = "waitpid(2): a pid of -1 collects any child"
_IGNORED = "https://github.com/python/cpython/issues/76296"
_LOST_CODE = "https://bugs.python.org/issue15756"
_WATCHER = "https://docs.python.org/3.11/library/asyncio-policy.html#asyncio.ThreadedChildWatcher"
_CODE = 7


# --- signals ---

NO_EFFECT, LOOKUP_ERROR, ANOTHER_ERROR = "it does nothing", "ProcessLookupError", "another error"
_SENDERS: dict[str, Callable[[ChildProcess], None]] = {
    "send_signal": lambda child: child.send_signal(signal.SIGUSR1),
    "terminate": lambda child: child.terminate(),
    "kill": lambda child: child.kill(),
}


async def _signal_the_dead(runtime: Runtime, trial: Trial) -> str:
    name, send = list(_SENDERS.items())[trial.number % len(_SENDERS)]
    async with child_of(runtime, f"exit {_CODE}") as child:
        await child.wait()
        try:
            send(child)
        except ProcessLookupError:
            answer = LOOKUP_ERROR
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is the answer
            answer = ANOTHER_ERROR
            trial.step("parent", f"{name} raises {exc!r}")
        else:
            answer = NO_EFFECT
        if await child.wait() != _CODE:
            answer = ANOTHER_ERROR
    return answer


signal_after_the_end = make_question(
    _signal_the_dead,
    name="process.signal-after-end",
    question="A signal is sent to a child that has ended and was waited for: what does the call do?",
    catches=("signal-after-the-end-fails",),
    contract=("A signal reaches no other process, and the exit code does not change.",),
    ref=f"{_MODULE}:signal_after_the_end",
    answers={
        NO_EFFECT: allowed("as `subprocess` does", _POPEN),
        LOOKUP_ERROR: interesting("whoever kills in a `finally` has to expect it", _ASYNCIO),
        ANOTHER_ERROR: forbidden("the process has ended; there is nothing to fail"),
        NEVER_ENDS: forbidden("the process has ended"),
    },
    repetitions=len(_SENDERS),
    requires=CHILD,
)

CODE_KNOWN = "its exit code"
INVENTED_ZERO = "0, as if all were well"
INVENTED = "an exit code that says that it is not known"


async def _ignore_sigchld(runtime: Runtime, trial: Trial) -> str:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # as a program that wants no zombies does
    try:
        child = await start(runtime, f"{UNTIL_TOLD}; exit {_CODE}", stdin=PIPE)
        codes: list[int] = []

        async def wait() -> None:
            codes.append(await child.wait())

        await give_turns(runtime)
        await tell(child)
        await ends_within(runtime, 2.0, wait)
    finally:
        signal.signal(signal.SIGCHLD, before)
    trial.step("parent", f"exit codes {codes}")
    match codes:
        case []:
            return NEVER_ENDS
        case [code] if code == _CODE:
            return CODE_KNOWN
        case [0]:
            return INVENTED_ZERO
    return INVENTED


sigchld_ignored = make_question(
    _ignore_sigchld,
    name="process.sigchld-ignored",
    question="A program ignores SIGCHLD, so that the system forgets its children: what does a wait return?",
    catches=("wait-needs-sigchld",),
    contract=("A wait ends when the process has ended.",),
    ref=f"{_MODULE}:sigchld_ignored",
    answers={
        CODE_KNOWN: allowed("the runtime handles the signal itself while it has children"),
        INVENTED: allowed("the exit code is gone, and the wait says so"),
        INVENTED_ZERO: interesting(
            "the exit code is gone, and success is reported in its place", "gh-59960 (bpo-15756)"
        ),
        NEVER_ENDS: forbidden("the wait is for a signal that does not come", _IGNORED),
    },
    repetitions=1,
    requires=CHILD,
    seconds=6.0,
)


# --- children of others ---

ITS_OWN = "its exit code is its own"
STOLEN = "its exit code was collected by the runtime, and is lost"
_OTHERS = 3


async def _start_beside_another_library(runtime: Runtime, trial: Trial) -> str:
    async with child_of(runtime, UNTIL_TOLD, stdin=PIPE) as child:  # the runtime watches for ends now
        foreign = [
            subprocess.Popen(["sh", "-c", f"exit {_CODE}"])  # noqa: ASYNC220, S607 - a library that knows no runtime
            for _ in range(_OTHERS)
        ]
        for other in foreign:
            wait_blocking(lambda other=other: state_of(other.pid) != RUNS)  # type: ignore[misc]
        await runtime.sleep(0.02)
        await tell(child)
        await child.wait()
        codes = {other.wait() for other in foreign}
    trial.step("another library", f"exit codes {codes}")
    return ITS_OWN if codes == {_CODE} else STOLEN


foreign_child = make_question(
    _start_beside_another_library,
    name="process.foreign-child",
    question="Another library has children of its own: does the runtime leave their exit codes alone?",
    catches=("reaps-the-children-of-others",),
    contract=("A runtime waits for its own children only.",),
    ref=f"{_MODULE}:foreign_child",
    answers={
        ITS_OWN: allowed("each child is waited for by who started it"),
        STOLEN: forbidden("`subprocess` reports 0 for a child that failed", _WAITPID),
        NEVER_ENDS: forbidden("the children have ended"),
    },
    repetitions=2,
    requires=CHILD,
)


# --- threads and hooks ---

NONE, ONE, EACH, MORE = "no thread", "one thread", "a thread for each child", "more threads than children"
_CHILDREN = 10


async def _count_watchers(runtime: Runtime, trial: Trial) -> str:
    await (await start(runtime, "true")).wait()
    before = count_threads()
    children = [await start(runtime, UNTIL_TOLD, stdin=PIPE) for _ in range(_CHILDREN)]
    counts: list[int] = []

    async def wait(child: ChildProcess) -> None:
        await child.wait()

    try:
        async with runtime.open_task_group() as group:
            for child in children:
                await group.spawn(wait, child)
            await give_turns(runtime)
            await until(runtime, lambda: count_threads() - before >= _CHILDREN, 0.1)
            counts.append(count_threads() - before)
            for child in children:
                await tell(child)
    finally:
        for child in children:
            await runtime.run_shielded(end, child)
    trial.observe("threads", counts[0])
    if counts[0] > _CHILDREN:
        return MORE
    return EACH if counts[0] >= _CHILDREN - 1 else ONE if counts[0] > 0 else NONE


watcher_threads = make_question(
    _count_watchers,
    name="process.watcher-threads",
    question="Ten tasks wait for a child each: how many threads does the process have for that?",
    catches=("a-wait-takes-many-threads",),
    contract=("No more threads than children.",),
    ref=f"{_MODULE}:watcher_threads",
    answers={
        NONE: allowed("the ends of processes are descriptors or a signal", better_than=(EACH, ONE)),
        ONE: allowed("one thread watches them all", better_than=(EACH,)),
        EACH: interesting("each wait holds a thread: its memory, and a place in its pool", _WATCHER),
        MORE: forbidden("waits take threads without bound"),
        NEVER_ENDS: forbidden("the children have ended"),
    },
    repetitions=1,
    judges={"threads": NOTED},
    requires=CHILD,
)

NOT_RUN, RUN, UNPAIRED = "they are not run", "they are run, in pairs", "they are run, and not in pairs"
_hooks: list[str] = []
_registered: list[bool] = []


async def _register_hooks(runtime: Runtime, trial: Trial) -> str:
    if not _registered:
        _registered.append(True)
        os.register_at_fork(
            before=lambda: _hooks.append("before"), after_in_parent=lambda: _hooks.append("after in the parent")
        )
    _hooks.clear()
    async with child_of(runtime, "true") as child:
        await child.wait()
    trial.step("parent", f"hooks: {_hooks}")
    if not _hooks:
        return NOT_RUN
    return RUN if _hooks == ["before", "after in the parent"] else UNPAIRED


fork_hooks = make_question(
    _register_hooks,
    name="process.fork-hooks",
    question="Hooks are registered with `os.register_at_fork`: does the start of a child run them?",
    catches=("fork-hooks-run-twice",),
    contract=("A hook before a fork is followed by the one behind it.",),
    ref=f"{_MODULE}:fork_hooks",
    answers={
        NOT_RUN: allowed("no Python code runs between fork and exec"),
        RUN: interesting("each start runs the hooks of all libraries: locks, logging, random generators"),
        UNPAIRED: forbidden("a lock that the first hook takes is never given back"),
        NEVER_ENDS: forbidden("the child ends at once"),
    },
    repetitions=2,
    requires=CHILD,
)

SCENARIOS: tuple[Scenario, ...] = (
    signal_after_the_end,
    sigchld_ignored,
    foreign_child,
    watcher_threads,
    fork_hooks,
)
