"""Ctrl-C: its effect on tasks, the order of clean-up, and the end of the run.

The signal goes to the main thread, where Python handles signals. Another thread sends it when the main thread has come
to rest: a signal may strike between any two instructions, also where a runtime keeps its books. A loop that wakes up by
itself never comes to rest; it gets the signal all the same, in one of its waits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harness.api import (
    ENDING,
    Parameter,
    Probe,
    Runtime,
    Scenario,
    allowed,
    forbidden,
    grid,
    info,
    interesting,
    outcomes,
)

from .question import SCRIPTS
from .shutdown_posix import count_waits_of_main_thread, interrupt_main_thread, is_main_thread_asleep

_REFERENCE = "https://github.com/python-trio/trio/issues/2984"
_RUNNER = "https://docs.python.org/3/library/asyncio-runner.html#handling-keyboard-interruption"
_TRIO = "https://trio.readthedocs.io/en/stable/reference-core.html#interrupt-handling"

WHILE_ALL_WAIT, IN_THE_BODY, IN_THE_TASK = "everybody waits", "the body runs", "a task runs"
INTERRUPTED, CANCELLED, NOTHING = "KeyboardInterrupt", "a cancellation", "nothing"
BODY_FIRST, TASK_FIRST, ALONE = "the body, then the task", "the task, then the body", "only one of them"

_LOOKS = 5
"""The main thread is at rest when it has not begun to wait anew in so many looks."""
_BETWEEN_LOOKS = 0.002


_MOST_SECONDS = 1.0
"""A main thread that has not come to rest by then wakes up by itself."""
_LOOKS_FOR_A_WAIT = 100
AT_REST, IN_A_WAIT, BUSY = "at rest", "in one of its waits", "while it ran"


def _wait_for_rest() -> str:
    """Return how the main thread was found: at rest, in a wait, or running."""
    quiet, before = 0, count_waits_of_main_thread()
    until = time.monotonic() + _MOST_SECONDS
    while quiet < _LOOKS:
        time.sleep(_BETWEEN_LOOKS)
        now = count_waits_of_main_thread()
        quiet = quiet + 1 if now == before else 0
        before = now
        if time.monotonic() > until:
            return _wait_for_a_wait()
    return AT_REST


def _wait_for_a_wait() -> str:
    for _ in range(_LOOKS_FOR_A_WAIT):
        if is_main_thread_asleep():
            return IN_A_WAIT
        time.sleep(_BETWEEN_LOOKS)
    return BUSY


def _interrupt(probe: Probe) -> None:
    """Send the signal: at once if this is the main thread, else when that one waits, or had the time to."""
    if threading.current_thread() is not threading.main_thread():
        with probe.driving("waits until the main thread is at rest, to interrupt it"):
            probe.observe("the main thread was", _wait_for_rest())
    interrupt_main_thread()


class _Witness:
    """Records who saw what, in the order in which they cleaned up."""

    def __init__(self, runtime: Runtime, probe: Probe) -> None:
        self._runtime = runtime
        self._probe = probe
        self._seen = {"body": NOTHING, "task": NOTHING}
        self._order: list[str] = []

    @asynccontextmanager
    async def watch(self, actor: str) -> AsyncIterator[None]:
        """Record what ends the block of an actor."""
        try:
            yield
        except BaseException as exc:
            self._seen[actor] = CANCELLED if self._runtime.is_cancelled(exc) else type(exc).__name__
            raise
        finally:
            self._order.append(actor)
            self._probe.step(actor, f"sees {self._seen[actor]}")

    def report(self) -> None:
        """Observe the recorded values."""
        for actor, seen in self._seen.items():
            self._probe.observe(f"what the {actor} sees", seen)
        orders = {"body, task": BODY_FIRST, "task, body": TASK_FIRST}
        self._probe.observe("who cleans up", orders.get(", ".join(self._order), ALONE))


async def _be_interrupted(runtime: Runtime, probe: Probe) -> None:
    witness = _Witness(runtime, probe)
    when = probe.parameters["when"]
    task_waits, body_waits, never = (runtime.create_event() for _ in range(3))

    async def task() -> None:
        async with witness.watch("task"):
            await task_waits.set()
            await body_waits.wait()
            if when == IN_THE_TASK:
                _interrupt(probe)
            await never.wait()

    async def body() -> None:
        async with witness.watch("body"):
            await task_waits.wait()
            await body_waits.set()
            if when == IN_THE_BODY:
                _interrupt(probe)
            elif when == WHILE_ALL_WAIT:
                threading.Thread(target=_interrupt, args=(probe,), daemon=True, name="interrupter").start()
            await never.wait()

    try:
        async with runtime.open_task_group() as group:
            await group.spawn(task, name="task")
            await body()
    finally:
        witness.report()


_WHEN = Parameter(
    name="when",
    default=WHILE_ALL_WAIT,
    summary="state of the runtime as the signal comes",
    choices=(WHILE_ALL_WAIT, IN_THE_BODY, IN_THE_TASK),
)

_SEEN = outcomes(
    {
        INTERRUPTED: allowed("the interrupt is raised here", _TRIO),
        CANCELLED: interesting("another task got the interrupt, and this one is cancelled because of it", _RUNNER),
        NOTHING: forbidden("every waiting task sees that the run ends"),
    }
)

interrupt = Scenario(
    scripts=SCRIPTS,
    name="shutdown.interrupt",
    question="Ctrl-C comes while a task and the body of its group wait: who sees what, and how does the run end?",
    contract=("The run ends, with the interrupt.", "Whoever waits is ended and can clean up."),
    ref="harness_scenarios.behaviours.shutdown_interrupt:interrupt",
    roles={"main": _be_interrupted},
    parameters=(_WHEN,),
    judges={
        ENDING: outcomes(
            {
                "raises KeyboardInterrupt": allowed("the interrupt leaves the run as it is", _RUNNER),
                "raises BaseExceptionGroup(KeyboardInterrupt)": interesting(
                    "`except KeyboardInterrupt` around the run does not catch it", _REFERENCE
                ),
                "returns": forbidden("the interrupt is lost: the program goes on"),
            }
        ),
        "the main thread was": info(),
        "what the body sees": _SEEN,
        "what the task sees": _SEEN,
        "who cleans up": outcomes(
            {
                BODY_FIRST: allowed("the order is not documented"),
                TASK_FIRST: interesting("the order is not documented"),
                ALONE: forbidden("whoever waits can clean up"),
            }
        ),
    },
    headline=ENDING,
    rows={"quick": grid(when=_WHEN.choices)},
    timeout=30.0,
    hang_after=6.0,
    summary="Ctrl-C comes while a task and the body of its group wait: who sees what, and how does the run end?",
    catches=("exit-swallowed",),
)

SCENARIOS: tuple[Scenario, ...] = (interrupt,)
