"""Faults that show only with several: one waiter, child, job or connection spoils another one, or the next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from typing import Any

from harness.testing.wrapping import (
    Child,
    Condition,
    Event,
    Group,
    Listener,
    Lock,
    Part,
    Receiver,
    SabotagedRuntime,
    Sender,
    Stream,
)

from .channels import SharedSender
from .faults import fault

_Fn = Callable[..., Awaitable[object]]

# --- waiters ---


@fault("cancelled-acquire-goes-on")
class _CancelledAcquireGoesOn(Lock):
    """An acquire that is cancelled stays in line, and takes the lock or the permit for good."""

    async def acquire(self) -> None:
        try:
            await self.inner.acquire()
        except BaseException as exc:
            if self.healthy.is_cancelled(exc):
                await self.healthy.spawn_detached(self.inner.acquire)
            raise


class _NumberedWaits(Part):
    """Numbers its waits, and knows which of them were cancelled."""

    def __init__(self, inner: Any, runtime: SabotagedRuntime) -> None:
        super().__init__(inner, runtime)
        self.numbers = count()
        self.cancelled: set[int] = set()

    async def note(self, number: int, wait: _Fn) -> Any:
        """Wait, and note a cancellation."""
        try:
            return await wait()
        except BaseException as exc:
            if self.healthy.is_cancelled(exc):
                self.cancelled.add(number)
            raise


@fault("waiter-behind-a-cancelled-one-forgotten")
class _WaiterBehindACancelledOneForgotten(_NumberedWaits, Lock):
    """The waiter right behind one that was cancelled never gets the lock."""

    async def acquire(self) -> None:
        number = next(self.numbers)
        await self.note(number, self.inner.acquire)
        if number - 1 in self.cancelled:
            await self.inner.release()
            await self.sleep_for_ever()


@fault("cancelled-waiter-takes-a-notification")
class _CancelledWaiterTakesANotification(_NumberedWaits, Condition):
    """A waiter of a condition that was cancelled still takes a notification."""

    async def wait(self) -> None:
        await self.note(next(self.numbers), self.inner.wait)

    async def notify(self, n: int = 1) -> None:
        taken = min(n, len(self.cancelled))
        for _ in range(taken):
            self.cancelled.pop()
        await self.inner.notify(n - taken)


@fault("event-stops-at-a-cancelled-waiter")
class _EventStopsAtACancelledWaiter(_NumberedWaits, Event):
    """Setting an event wakes the waiters up to the first one that was cancelled."""

    async def wait(self) -> None:
        number = next(self.numbers)
        await self.note(number, self.inner.wait)
        if any(number > other for other in self.cancelled):
            await self.sleep_for_ever()


@fault("cancelled-receiver-takes-the-next-item")
class _CancelledReceiverTakesTheNextItem(_NumberedWaits, Receiver):
    """A receiver that was cancelled as it waited still takes an item, which is lost."""

    async def receive(self) -> Any:
        item = await self.note(next(self.numbers), self.inner.receive)
        if self.cancelled:
            self.cancelled.pop()
            item = await self.inner.receive()
        return item


@fault("cancelled-sender-stops-its-clones")
class _CancelledSenderStopsItsClones(SharedSender):
    """After a send was cancelled as it waited, no other sender of the channel can send."""

    cancelled = False

    async def send(self, item: object) -> None:
        if any(sender.cancelled for sender in self.family):
            await self.sleep_for_ever()
        try:
            await self.inner.send(item)
        except BaseException as exc:
            if self.healthy.is_cancelled(exc):
                self.cancelled = True
            raise


# --- holders ---


@fault("failed-block-keeps-its-lock")
class _FailedBlockKeepsItsLock(Lock):
    """A block that fails does not release its lock or its permit."""

    async def __aexit__(self, *exc: object) -> None:
        if not isinstance(exc[1], Exception) or self.healthy.is_cancelled(exc[1]):
            await self.release()


@fault("cancelled-block-keeps-its-lock")
class _CancelledBlockKeepsItsLock(Lock):
    """A block that is cancelled does not release its lock or its permit."""

    async def __aexit__(self, *exc: object) -> None:
        if not (isinstance(exc[1], BaseException) and self.healthy.is_cancelled(exc[1])):
            await self.release()


class _Semaphore(Lock):
    kinds = ("semaphore",)


@fault("failed-block-gives-two-permits-back")
class _FailedBlockGivesTwoPermitsBack(_Semaphore):
    """A block that fails gives its permit of a semaphore back twice."""

    async def __aexit__(self, *exc: object) -> None:
        await self.release()
        if exc[1] is not None:
            await self.release()


@fault("cancelled-block-keeps-its-condition")
class _CancelledBlockKeepsItsCondition(Condition):
    """A block that is cancelled outside of a wait does not release its condition."""

    async def __aexit__(self, *exc: object) -> None:
        is_cancelled = isinstance(exc[1], BaseException) and self.healthy.is_cancelled(exc[1])
        if not is_cancelled or self.runtime.__dict__.pop("waited", None):
            await self.release()

    async def wait(self) -> None:
        try:
            await self.inner.wait()
        except BaseException:
            self.runtime.waited = True
            raise


# --- tasks ---


@fault("fourth-child-not-waited-for")
class _FourthChildNotWaitedFor(Group):
    """A group waits for its first three tasks, and cancels no other."""

    spawned = 0

    async def spawn(self, fn: _Fn, *args: object, name: str | None = None) -> None:
        self.spawned += 1
        spawn = self.inner.spawn if self.spawned <= 3 else self.healthy.spawn_detached
        await spawn(fn, *args, name=name)


@fault("shielded-clean-up-not-waited-for")
class _ShieldedCleanUpNotWaitedFor(SabotagedRuntime):
    """A shielded call in the clean-up of a cancelled task is started, and not waited for."""

    async def run_shielded(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        await self.inner.spawn_detached(fn, *args)


# --- sleeps and jobs ---


@fault("cancelled-sleep-wakes-the-others")
class _CancelledSleepWakesTheOthers(SabotagedRuntime):
    """A sleep that is cancelled ends the sleeps that began after it."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.sleeps = count()
        self.asleep: dict[int, Any] = {}

    async def sleep(self, seconds: float) -> None:
        number = next(self.sleeps)
        async with self.inner.open_cancel_scope() as scope:
            self.asleep[number] = scope
            try:
                await self.inner.sleep(seconds)
            except BaseException as exc:
                if self.inner.is_cancelled(exc):
                    await self._wake_after(number)
                raise
            finally:
                del self.asleep[number]

    async def _wake_after(self, number: int) -> None:
        for other, scope in list(self.asleep.items()):
            if other > number:
                await scope.cancel()


@fault("results-of-jobs-swapped")
class _ResultsOfJobsSwapped(SabotagedRuntime):
    """Of jobs that run at once the second gets the result of the first."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.running = 0
        self.first: object = None

    async def run_in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        self.running += 1
        number = self.running
        try:
            result = await self.inner.run_in_thread(fn, *args)
        finally:
            self.running -= 1
        if number == 1:
            self.first = result
        return self.first if number == 2 and self.first is not None else result


@fault("error-of-a-later-job-lost")
class _ErrorOfALaterJobLost(SabotagedRuntime):
    """The exception of a job is lost if another one was running as it began."""

    running = 0

    async def run_in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        self.running += 1
        is_alone = self.running == 1
        try:
            return await self.inner.run_in_thread(fn, *args)
        except Exception:
            if is_alone:
                raise
        finally:
            self.running -= 1


@fault("thread-lost-with-a-failed-job")
class _ThreadLostWithAFailedJob(SabotagedRuntime):
    """A pool of four threads loses one with each job that fails."""

    threads = 4

    async def run_in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        if not self.threads:
            await self.inner.create_event().wait()
        try:
            return await self.inner.run_in_thread(fn, *args)
        except Exception:
            self.threads -= 1
            raise


# --- connections ---


@fault("abort-ends-another-connection")
class _AbortEndsAnotherConnection(Stream):
    """Aborting a connection closes the one that was opened last."""

    def __init__(self, inner: Any, runtime: SabotagedRuntime) -> None:
        super().__init__(inner, runtime)
        self.runtime.__dict__.setdefault("streams", []).append(inner)

    async def abort(self) -> None:
        await self.inner.abort()
        if (last := self.runtime.streams[-1]) is not self.inner:
            await last.aclose()


@fault("read-returns-too-much")
class _ReadReturnsTooMuch(Stream):
    """A read of more than 100 bytes may return twice as many as it was asked for."""

    async def receive_some(self, max_bytes: int) -> bytes:
        data: bytes = await self.inner.receive_some(max_bytes if max_bytes <= 100 else 2 * max_bytes)
        return data


@fault("stream-reads-its-own-bytes")
class _StreamReadsItsOwnBytes(Stream):
    """A read returns bytes that its own side has sent, as many as have arrived."""

    def __init__(self, inner: Any, runtime: SabotagedRuntime) -> None:
        super().__init__(inner, runtime)
        self.sent = bytearray()

    async def send_all(self, data: bytes) -> None:
        self.sent += data
        await self.inner.send_all(data)

    async def receive_some(self, max_bytes: int) -> bytes:
        data: bytes = await self.inner.receive_some(max_bytes)
        own = bytes(self.sent[: len(data)])
        del self.sent[: len(data)]
        return own or data


@fault("large-send-cut")
class _LargeSendCut(Stream):
    """A send of more than a megabyte sends a megabyte."""

    async def send_all(self, data: bytes) -> None:
        await self.inner.send_all(data[: 1 << 20])


class _Cut(Stream):
    async def abort(self) -> None:
        self.runtime.was_cut = True
        await self.inner.abort()


class _DeafAfterACut(Listener):
    async def accept(self) -> Any:
        if self.runtime.was_cut:
            await self.sleep_for_ever()
        return await self.inner.accept()


@fault("accept-ends-with-a-cut-connection")
class _AcceptEndsWithACutConnection(SabotagedRuntime):
    """A listener whose client has reset its connection accepts no more."""

    listener, stream, was_cut = _DeafAfterACut, _Cut, False


# --- children ---


@fault("kill-reaches-the-first-child")
class _KillReachesTheFirstChild(Child):
    """A kill reaches the child that was started first."""

    def __init__(self, inner: Any, runtime: SabotagedRuntime) -> None:
        super().__init__(inner, runtime)
        self.first: Any = self.runtime.__dict__.setdefault("first_child", inner)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.first.kill()


# --- channels and conditions ---


@fault("third-close-loses-the-others")
class _ThirdCloseLosesTheOthers(SharedSender):
    """Items sent after three senders of a channel were closed are dropped."""

    closed = False

    async def send(self, item: object) -> None:
        if sum(sender.closed for sender in self.family) < 3:
            await self.inner.send(item)

    async def aclose(self) -> None:
        self.closed = True
        await self.inner.aclose()


@fault("full-channel-miscounted")
class _FullChannelMiscounted(Sender):
    """A channel with two items or more counts one more."""

    def buffered(self) -> int:
        items: int = self.inner.buffered()
        return items + (items >= 2)


@fault("notify-zero-wakes-one")
class _NotifyZeroWakesOne(Condition):
    """A notification of no waiter wakes one."""

    async def notify(self, n: int = 1) -> None:
        await self.inner.notify(max(n, 1))


@fault("notify-all-forgets-the-last")
class _NotifyAllForgetsTheLast(Condition):
    """`notify_all` wakes three waiters at most."""

    async def notify_all(self) -> None:
        await self.inner.notify(3)


@fault("async-with-swallows")
class _AsyncWithSwallows(Lock):
    """`async with` swallows what its block raises."""

    async def __aexit__(self, *exc: object) -> Any:
        await self.release()
        return isinstance(exc[1], Exception) and not self.healthy.is_cancelled(exc[1])
