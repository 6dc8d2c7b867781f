"""Signals that ask the program to end: the first is seen between two events of a run, the second ends all at once.

While a run is followed a signal is only noted: raised anywhere, it could come between a line of the journal and its
being counted, or while the processes of a cell are being ended, and one of them would stay.
"""

from __future__ import annotations

import atexit
import os
import signal
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from harness.model.errors import PluginInterrupt, UserInterrupt

if TYPE_CHECKING:
    from psutil import Process

    from harness.plugins.calls import PluginCall, PluginCalls

Event = TypeVar("Event")

_ECHO_SECONDS = 1.0
"""`timeout` signals its child and then its group, of a hang-up the kernel and the shell tell us: once is meant."""

_KILL_SECONDS = 2.0
_CALL_SECONDS = 1.0
"""After a signal, code of a plugin that has run for so long is interrupted."""
_MOST_CALL_SIGNALS = 4
"""Interrupts that a call may swallow before the program is killed."""


class Interrupts:
    """What this process was asked; signals belong to a process, so there is one of these."""

    def __init__(self) -> None:
        self._first = 0
        self._at = 0.0
        self._depth = 0
        self._is_pending = False
        self._calls: PluginCalls | None = None

    def install(self, *numbers: signal.Signals) -> None:
        """Take these signals from now on. One that is ignored stays so: under nohup a hang-up is no reason to end."""
        self._first = 0
        self._is_pending = False
        for number in numbers:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)
        from harness.plugins.calls import CALLS  # the program that installs this loads the plugins next

        self._calls = CALLS
        CALLS.on_begin = self._watch_call
        atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)  # the handler is gone before the timer is

    @property
    def exit_code(self) -> int:
        """The program's exit code when it was interrupted: 128 + the signal."""
        return 128 + (self._first or signal.SIGINT)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Within the block the first signal is kept for `check`."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def check(self) -> None:
        """Raise `KeyboardInterrupt` if a signal has come that was not handled yet."""
        if self._is_pending:
            self._is_pending = False
            raise UserInterrupt

    def request(self) -> None:
        """Have the run end as if a signal had come."""
        self._is_pending = True

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first == 0:
            self._first, self._at = number, now
        elif number == self._first != signal.SIGINT and now - self._at < _ECHO_SECONDS:
            return
        else:
            _end_at_once(128 + number)
        call = self._call
        if call is not None:
            _start_timer(self._interrupt_call)
        if self._depth == 0:
            raise UserInterrupt(_name(call) if call is not None and call.seconds > _CALL_SECONDS else "")
        self._is_pending = True

    @property
    def _call(self) -> PluginCall | None:
        return None if self._calls is None else self._calls.current

    def _watch_call(self) -> None:
        if self._is_pending:
            _start_timer(self._interrupt_call)

    def _interrupt_call(self, _number: int, _frame: FrameType | None) -> None:
        """Raise the signal in the code of a plugin that does not return; it stays pending for the run."""
        call = self._call
        if call is None:
            signal.setitimer(signal.ITIMER_REAL, 0)
        elif call.seconds > _CALL_SECONDS:
            call.signals += 1
            if call.signals > _MOST_CALL_SIGNALS:
                _end_at_once(self.exit_code, _name(call))
            raise PluginInterrupt(_name(call))


INTERRUPTS = Interrupts()


class HeldInterrupt:
    """Holds an interrupt until what has ended is reported; then it goes on its way.

    Every stage that must end in order holds interrupts with this, and nothing else in it catches one:

        held = HeldInterrupt()
        with held:
            yield from work()
        yield from held.pass_on(what_is_left_to_report)
        held.release()
    """

    def __init__(self) -> None:
        self.interrupt: KeyboardInterrupt | None = None
        """What came, if anything did; of several the last one."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> bool:
        if not isinstance(exc, KeyboardInterrupt):
            return False
        self.interrupt = exc
        return True

    def __bool__(self) -> bool:
        """Whether an interrupt is held."""
        return self.interrupt is not None

    def pass_on(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield every event, whatever is thrown meanwhile."""
        for event in events:
            with self:
                yield event

    def release(self) -> None:
        """Raise the held signal."""
        if self.interrupt is not None:
            raise self.interrupt


def follow(stage: Generator[Event, None, None], publish: Callable[[Event], None]) -> bool:
    """Publish every event of a stage; return whether the user interrupted it.

    The stage has to see an interrupt to end the running cell and to report the others, also one that came while an
    event was published; a stage that has ended throws it back.
    """
    held = HeldInterrupt()
    with closing(stage), INTERRUPTS.deferred():
        with held:
            for event in stage:
                publish(event)
                INTERRUPTS.check()
        if held.interrupt is None:
            return False
        with held:  # again, if it comes back or another one comes
            publish(stage.throw(held.interrupt))
            for event in stage:
                publish(event)
    return True


def follow_all(stages: Iterable[Generator[Event, None, None]], publish: Callable[[Event], None]) -> bool:
    """Publish every event of one stage after the other, until the user interrupts one; return whether that was so."""
    held, is_interrupted = HeldInterrupt(), False
    with held:
        is_interrupted = any(follow(stage, publish) for stage in stages)
        INTERRUPTS.check()  # between two stages; the journal has the planned cells
    return is_interrupted or bool(held)


def _start_timer(interrupt: Callable[[int, FrameType | None], None]) -> None:
    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, _CALL_SECONDS, _CALL_SECONDS / 2)


def _name(call: PluginCall) -> str:
    return f"{call.what} did not return and was interrupted"


def _end_at_once(code: int, why: str = "") -> None:
    """End every process that descends from this one, and this one, without any more ado."""
    _kill_descendants()
    with suppress(OSError):
        show_cursor = "\x1b[?25h" if os.isatty(2) else ""
        killed = f"killed: {why}" if why else "killed"
        line = f"{show_cursor}\nharness: {killed}; what had ended is in the journal; to continue: harness resume\n"
        os.write(2, line.encode(errors="replace"))
    os._exit(code)


def _kill_descendants() -> None:
    """Kill what descends from this process, and what falls to it meanwhile, until none is left."""
    import psutil  # most calls of the program never need it

    deadline = time.monotonic() + _KILL_SECONDS
    while time.monotonic() < deadline:
        left = [child for child in psutil.Process().children(recursive=True) if _is_alive(child)]
        if not left:
            return
        for child in left:
            with suppress(psutil.Error, OSError):
                child.kill()
        time.sleep(0.005)


def _is_alive(process: Process) -> bool:
    import psutil

    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
