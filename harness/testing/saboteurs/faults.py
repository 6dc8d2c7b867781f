"""One fault for each contract that a runtime can break, and the scenarios that must catch it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from harness.api import ErrorKind

from .wrapping import SabotagedRuntime, Wrapped

_BATCH = 50
"""After so many of something a fault that needs some use shows itself."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A way of being broken. `caught_by` are the scenarios (globs) that must see it."""

    name: str
    summary: str
    runtime: Callable[[Any], Any]
    caught_by: tuple[str, ...]


FAULTS: dict[str, Fault] = {}


def fault(name: str, *caught_by: str) -> Callable[[type], type]:
    """Register a sabotaged runtime; its docstring says what it breaks."""

    def register(runtime: type) -> type:
        assert runtime.__doc__ is not None
        FAULTS[name] = Fault(name, runtime.__doc__.strip().rstrip("."), runtime, caught_by)
        return runtime

    return register


# --- channels ---


class _SleepyReceiver(Wrapped):
    received = 0

    async def receive(self) -> Any:
        self.received += 1
        if self.received == _BATCH:
            await self.runtime.inner.create_event().wait()
        return await self.inner.receive()


@fault("wake-up-lost", "channel")
class WakeUpLost(SabotagedRuntime):
    """A receive is not woken, once."""

    receiver = _SleepyReceiver


class _ForgetfulReceiver(Wrapped):
    async def receive(self) -> Any:
        item = await self.inner.receive()
        await self.runtime.inner.checkpoint()
        return item


@fault("cancelled-receive-drops", "cancel.receive-*")
class CancelledReceiveDrops(SabotagedRuntime):
    """A cancelled receive has taken its item."""

    receiver = _ForgetfulReceiver


class _Sender(Wrapped):
    def clone(self) -> Any:
        return type(self)(self.inner.clone(), self.runtime)


class _SwappingSender(_Sender):
    sent = 0
    held: Any = None

    async def send(self, item: Any) -> None:
        self.sent += 1
        if self.sent == _BATCH:
            self.held = item
            return
        await self.inner.send(item)
        if self.sent == _BATCH + 1:
            await self.inner.send(self.held)


@fault("order-broken", "channel")
class OrderBroken(SabotagedRuntime):
    """Two items of a sender arrive in the other order, once."""

    sender = _SwappingSender


class _RepeatingSender(_Sender):
    sent = 0

    async def send(self, item: Any) -> None:
        self.sent += 1
        await self.inner.send(item)
        if self.sent == _BATCH:
            await self.inner.send(item)


@fault("item-twice", "channel")
class ItemTwice(SabotagedRuntime):
    """An item arrives twice, once."""

    sender = _RepeatingSender


class _LossySender(_Sender):
    sent = 0

    async def send(self, item: Any) -> None:
        self.sent += 1
        if self.sent != _BATCH:
            await self.inner.send(item)


@fault("item-lost", "channel")
class ItemLost(SabotagedRuntime):
    """An item does not arrive, once."""

    sender = _LossySender


@fault("channel-without-limit", "channel", "channel.slow-*")
class ChannelWithoutLimit(SabotagedRuntime):
    """Every channel is unbounded, whatever its capacity."""

    def open_channel(self, capacity: int | None) -> tuple[Any, Any]:
        """Open an unbounded channel."""
        del capacity
        return self.inner.open_channel(None)


class _UnclosedSender(_Sender):
    async def aclose(self) -> None:
        pass


@fault("close-wakes-nobody", "channel.close-*")
class CloseWakesNobody(SabotagedRuntime):
    """Closing the last sender does not end the receivers."""

    sender = _UnclosedSender


# --- clock ---


@fault("timer-early", "timers", "timer.*")
class TimerEarly(SabotagedRuntime):
    """Sleeps return after half of their time."""

    async def sleep(self, seconds: float) -> None:
        """Sleep too short."""
        await self.inner.sleep(seconds / 2)


@fault("timer-rounds-up", "timer.*")
class TimerRoundsUp(SabotagedRuntime):
    """Every sleep is a multiple of 10 ms."""

    async def sleep(self, seconds: float) -> None:
        """Sleep too long."""
        await self.inner.sleep(-(-seconds // 0.01) * 0.01)


@fault("loop-blocked", "timers", "offload")
class LoopBlocked(SabotagedRuntime):
    """A sleep blocks the whole scheduler for 200 ms, once."""

    def __init__(self, inner: Any, runtime: Any = None) -> None:
        super().__init__(inner, runtime)
        self._sleeps = count(1)

    async def sleep(self, seconds: float) -> None:
        """Sleep, and block the others meanwhile."""
        if next(self._sleeps) == 5:
            time.sleep(0.2)  # noqa: ASYNC251 - that is the fault
        await self.inner.sleep(seconds)


# --- cancellation ---


@fault("cancellation-swallowed", "cancel.*", "deadline.*")
class CancellationSwallowed(SabotagedRuntime):
    """A cancelled sleep returns as if its time were over."""

    async def sleep(self, seconds: float) -> None:
        """Sleep, deaf to cancellation."""
        try:
            await self.inner.sleep(seconds)
        except BaseException as exc:
            if self.inner.classify(exc) is not ErrorKind.CANCELLED:
                raise


class _LyingScope(Wrapped):
    @property
    def cancelled_caught(self) -> bool:
        return not self.inner.cancelled_caught


@fault("wrong-scope-blamed", "timeout-select", "deadline.*")
class WrongScopeBlamed(SabotagedRuntime):
    """A scope says that it was cancelled when it was not, and the other way round."""

    scope = _LyingScope


class _LeavingGroup(Wrapped):
    async def spawn(self, fn: Any, *args: Any, name: str | None = None) -> None:
        await self.runtime.inner.spawn_detached(fn, *args, name=name)


@fault("child-outlives-group", "join", "group.*")
class ChildOutlivesGroup(SabotagedRuntime):
    """A group ends before its tasks do."""

    group = _LeavingGroup


# --- synchronisation ---


class _OpenLock(Wrapped):
    async def acquire(self) -> None:
        await self.runtime.inner.checkpoint()

    async def release(self) -> None:
        await self.runtime.inner.checkpoint()


@fault("lock-open", "locks")
class LockOpen(SabotagedRuntime):
    """A lock lets everybody in."""

    lock = _OpenLock


class _SilentCondition(Wrapped):
    async def notify(self, n: int = 1) -> None:
        pass


@fault("notify-lost", "locks", "lock.*notif*")
class NotifyLost(SabotagedRuntime):
    """`notify` wakes nobody."""

    condition = _SilentCondition


class _SpinningEvent(Wrapped):
    async def wait(self) -> None:
        while not self.inner.is_set():
            await self.runtime.inner.checkpoint()


@fault("spins", "idle")
class Spins(SabotagedRuntime):
    """Waiting for an event takes a whole CPU."""

    event = _SpinningEvent


# --- streams ---


class _FlippingStream(Wrapped):
    async def receive_some(self, max_bytes: int) -> bytes:
        data = bytearray(await self.inner.receive_some(max_bytes))
        if data and next(self.runtime.reads) == 3:
            data[-1] ^= 1 + os.getpid() % 255  # two roles that flip the same byte do not undo each other
        return bytes(data)


@fault("byte-flipped", "storm", "echo", "frames", "sink")
class ByteFlipped(SabotagedRuntime):
    """A byte is not the one that was sent, once."""

    stream = _FlippingStream

    def __init__(self, inner: Any, runtime: Any = None) -> None:
        super().__init__(inner, runtime)
        self.reads = count(1)


class _SwappedStream(Wrapped):
    async def send_all(self, data: bytes) -> None:
        if next(self.runtime.sends) % 2:
            self.runtime.held, data = data, self.runtime.held or data
        await self.inner.send_all(data)


@fault("replies-swapped", "storm", "echo")
class RepliesSwapped(SabotagedRuntime):
    """A connection gets what was sent on another."""

    stream = _SwappedStream
    held = b""

    def __init__(self, inner: Any, runtime: Any = None) -> None:
        super().__init__(inner, runtime)
        self.sends = count()


class _TiringListener(Wrapped):
    accepted = 0

    async def accept(self) -> Any:
        self.accepted += 1
        if self.accepted > _BATCH:
            await self.runtime.inner.create_event().wait()
        return await self.inner.accept()


@fault("accept-stops", "storm", "idle")
class AcceptStops(SabotagedRuntime):
    """A listener accepts a batch of connections and no more."""

    listener = _TiringListener


class _StuckStream(Wrapped):
    async def aclose(self) -> None:
        await self.runtime.inner.create_event().wait()


@fault("close-hangs", "storm", "sink", "stream.*")
class CloseHangs(SabotagedRuntime):
    """Closing a stream never returns."""

    stream = _StuckStream


class _DeafStream(Wrapped):
    reading = False

    async def receive_some(self, max_bytes: int) -> Any:
        self.reading = True
        data = await self.inner.receive_some(max_bytes)
        self.reading = False
        return data

    async def aclose(self) -> None:
        if not self.reading:
            await self.inner.aclose()


@fault("close-does-not-wake", "stream.local-close*")
class CloseDoesNotWake(SabotagedRuntime):
    """Closing a stream leaves a task that reads from it waiting."""

    stream = _DeafStream


class _LeakingStream(Wrapped):
    async def aclose(self) -> None:
        os.open(os.devnull, os.O_RDONLY)
        await self.inner.aclose()


@fault("fd-leaked", "storm", "echo")
class FdLeaked(SabotagedRuntime):
    """Each connection leaves an open fd."""

    stream = _LeakingStream


# --- the rest ---


@fault("error-of-thread-lost", "offload", "offload.*")
class ErrorOfThreadLost(SabotagedRuntime):
    """What an offloaded function raises does not come back."""

    async def run_in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        """Run it, and keep quiet about what it raises."""

        def quietly() -> Any:
            try:
                return fn(*args)
            except Exception:  # noqa: BLE001 - that is the fault
                return None

        return await self.inner.run_in_thread(quietly)


@fault("exits-silently", "switch", "timers")
class ExitsSilently(SabotagedRuntime):
    """The process ends with exit code 0 and without a result."""

    async def checkpoint(self) -> None:
        """End everything."""
        os._exit(0)

    async def sleep(self, seconds: float) -> None:
        """End everything."""
        del seconds
        os._exit(0)
