"""Effects of a signal handler on the scheduler whose thread it interrupts: through the bridge, and without it.

A Python signal handler runs in the main thread, so that this is about the scheduler that runs the question.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Awaitable, Callable

from harness.api import Capability, Harm, Runtime, Scenario, allowed, bridge_of, forbidden, interesting

from ..parts.sandbox import PATIENCE_SECONDS, ForeignCall, wait_until
from .bridge_exhibit import AT_ONCE, LATE, LOST, REFUSED
from .question import Trial, make_question

_MODULE = "harness_scenarios.behaviours.bridge_signal"
_SIGNAL = signal.SIGWINCH  # does nothing unless it is handled
_SIGNALS_IN_ASYNCIO = "https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.add_signal_handler"


class _Interruption:
    """A signal whose handler touches something for which a task waits, and a thread that watches."""

    def __init__(self, runtime: Runtime, trial: Trial, touch: Callable[[], object]) -> None:
        self._trial = trial
        self._touch = touch
        self._noticed = threading.Event()
        self._wake = bridge_of(runtime).create_event()
        self._errors: list[BaseException] = []
        self.answer = LOST

    def _handle(self, _number: int, _frame: object) -> None:
        try:
            self._touch()
        except Exception as exc:  # noqa: BLE001 - how it is refused is up to the runtime
            self._errors.append(exc)

    def _watch(self) -> None:
        """Send the signal to a scheduler that sleeps, and wake it if nothing comes of that."""
        time.sleep(0.05)  # until it sleeps
        signal.pthread_kill(threading.main_thread().ident or 0, _SIGNAL)
        came_at_once = self._noticed.wait(PATIENCE_SECONDS)
        self._wake.set()
        if came_at_once:
            self.answer = AT_ONCE
        elif self._noticed.wait(PATIENCE_SECONDS):
            self.answer = LATE
        elif self._errors:
            self.answer = REFUSED

    async def interrupt(self, runtime: Runtime, wait: Callable[[], Awaitable[object]]) -> str:
        """Wait for the effect of the handler and return the answer."""
        before = signal.signal(_SIGNAL, self._handle)
        try:
            async with runtime.open_task_group() as group:
                await group.spawn(self._wait, runtime, wait)
                await runtime.sleep(0.02)
                watcher = ForeignCall(self._watch)
                await self._wake.wait()
                await wait_until(runtime, lambda: watcher.ended, 2 * PATIENCE_SECONDS)
        finally:
            signal.signal(_SIGNAL, before)
        self._trial.step("task", self.answer)
        return self.answer

    async def _wait(self, runtime: Runtime, wait: Callable[[], Awaitable[object]]) -> None:
        async with runtime.move_on_after(6 * PATIENCE_SECONDS):
            await wait()
            self._noticed.set()


async def _set_in_a_handler(runtime: Runtime, trial: Trial) -> str:
    event = bridge_of(runtime).create_event()
    return await _Interruption(runtime, trial, event.set).interrupt(runtime, event.wait)


handler_sets = make_question(
    _set_in_a_handler,
    name="bridge.signal-handler-sets-event",
    question="A signal handler sets an event of the bridge while the scheduler sleeps: does the waiting task wake up?",
    contract=("A signal handler may use the bridge.",),
    ref=f"{_MODULE}:handler_sets",
    answers={
        AT_ONCE: allowed("the handler wakes the scheduler"),
        LATE: forbidden("the scheduler sleeps although there is something to do"),
        LOST: forbidden("an item from a signal handler arrives", harm=Harm.DATA),
        REFUSED: forbidden("a handler may do this"),
    },
    repetitions=2,
    catches=("bridge-event-does-not-wake",),
    screening=False,
    requires=(Capability.BRIDGE, Capability.DEADLINE),
    seconds=30.0,
)


async def _set_directly_in_a_handler(runtime: Runtime, trial: Trial) -> str:
    event = runtime.create_event()
    direct = bridge_of(runtime).direct()
    return await _Interruption(runtime, trial, lambda: direct.set(event)).interrupt(runtime, event.wait)


handler_sets_directly = make_question(
    _set_directly_in_a_handler,
    name="bridge.direct-event-in-signal-handler",
    question="A signal handler sets an event without the bridge: does the task that waits wake up?",
    contract=("The task wakes up, sooner or later, or the call is refused.",),
    ref=f"{_MODULE}:handler_sets_directly",
    answers={
        AT_ONCE: allowed("the signal itself wakes the scheduler, which then finds the task ready", better_than=(LATE,)),
        LATE: interesting(
            "the flag is set, and the sleeping loop is not woken: signal.signal is no add_signal_handler",
            _SIGNALS_IN_ASYNCIO,
        ),
        REFUSED: allowed("the mistake is shown where it is made"),
        LOST: forbidden("a flag that was set wakes the task that waits", harm=Harm.HANG),
    },
    repetitions=2,
    catches=("direct-call-lost",),
    screening=False,
    requires=(Capability.BRIDGE, Capability.DIRECT_CALL, Capability.DEADLINE),
    seconds=30.0,
)

SCENARIOS: tuple[Scenario, ...] = (handler_sets, handler_sets_directly)
