"""Faults that spare the first: of a later call, of one among several, of a larger size, of a level further down."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from harness.api import ErrorKind
from harness.testing.wrapping import (
    Bridge,
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
    Servers,
    Stream,
    Wrapped,
)

from .faults import fault

_LARGE = 1 << 18

# --- waiters ---


@fault("notify-wakes-three-at-most")
class _NotifyWakesThreeAtMost(Condition):
    """A notification of more than three waiters wakes three."""

    async def notify(self, n: int = 1) -> None:
        await self.inner.notify(min(n, 3))


@fault("end-of-channel-wakes-one")
class _EndOfChannelWakesOne(Receiver):
    """The end of a channel is seen by the first receiver that waits for it, and by no other."""

    seen = False

    async def receive(self) -> Any:
        try:
            return await self.inner.receive()
        except Exception as exc:
            if self.kind_of(exc) is ErrorKind.END_OF_CHANNEL:
                if self.seen:
                    await self.sleep_for_ever()
                self.seen = True
            raise


@fault("third-acquire-does-not-wait")
class _ThirdAcquireDoesNotWait(Lock):
    """The third acquisition of a lock does not wait for its holder."""

    def __init__(self, inner: Any, runtime: SabotagedRuntime) -> None:
        super().__init__(inner, runtime)
        self._numbers = count(1)
        self._intruders = 0

    async def acquire(self) -> None:
        if next(self._numbers) == 3 and getattr(self.inner, "locked", bool)():
            self._intruders += 1
        else:
            await self.inner.acquire()

    async def release(self) -> None:
        if self._intruders:
            self._intruders -= 1
        else:
            await self.inner.release()


@fault("later-permit-lost")
class _LaterPermitLost(Lock):
    """The third release of a lock or a semaphore is ignored."""

    def __init__(self, inner: Any, runtime: SabotagedRuntime) -> None:
        super().__init__(inner, runtime)
        self._numbers = count(1)

    async def release(self) -> None:
        if next(self._numbers) != 3:
            await self.inner.release()


@fault("set-event-is-waited-for-once")
class _SetEventIsWaitedForOnce(Event):
    """The second wait for an event that is already set never ends."""

    late = 0

    async def wait(self) -> None:
        self.late += self.inner.is_set()
        if self.late > 1:
            await self.sleep_for_ever()
        await self.inner.wait()


@fault("clone-of-a-clone-closes-it", control="trio")
class _CloneOfACloneClosesIt(Sender):
    """Closing the clone of a clone closes the clone that it was made of."""

    parent: Any = None

    def clone(self) -> Sender:
        made = type(self)(self.inner.clone(), self.runtime)
        made.parent = self
        return made

    async def aclose(self) -> None:
        await self.inner.aclose()
        if self.parent is not None and self.parent.parent is not None:
            await self.parent.inner.aclose()


# --- tasks and blocks ---


@fault("second-spawn-has-the-first-arguments")
class _SecondSpawnHasTheFirstArguments(Group):
    """The second task of a group gets the arguments of the first."""

    spawned: tuple[tuple[object, ...], ...] = ()

    async def spawn(self, fn: Callable[..., Awaitable[object]], *args: object, name: str | None = None) -> None:
        self.spawned = (*self.spawned, args)
        is_second = len(self.spawned) == 2 and len(args) == len(self.spawned[0])
        await self.inner.spawn(fn, *(self.spawned[0] if is_second else args), name=name)


@fault("middle-loser-goes-on")
class _MiddleLoserGoesOn(SabotagedRuntime):
    """Of three and more calls of which the first to complete counts, the middle one is not cancelled."""

    async def first_completed(self, *fns: Any) -> Any:
        if len(fns) < 3:
            return await self.inner.first_completed(*fns)
        middle = len(fns) // 2

        async def stand_in() -> Any:
            await self.inner.spawn_detached(fns[middle])
            await self.inner.create_event().wait()

        return await self.inner.first_completed(*fns[:middle], stand_in, *fns[middle + 1 :])


@fault("index-of-the-last-call-is-wrong")
class _IndexOfTheLastCallIsWrong(SabotagedRuntime):
    """The result of the last of three and more calls has the index of the one before it."""

    async def first_completed(self, *fns: Any) -> Any:
        last = len(fns) - 1
        found = await self.inner.first_completed(*fns)
        return [(index - (index == last > 1), result) for index, result in found]


@fault("second-call-is-not-shielded")
class _SecondCallIsNotShielded(SabotagedRuntime):
    """From the second call on, a cancellation reaches the shielded function."""

    shielded = 0

    async def run_shielded(self, fn: Any, *args: object) -> Any:
        self.shielded += 1
        return await (fn(*args) if self.shielded > 1 else self.inner.run_shielded(fn, *args))


@fault("third-level-deadline-forgotten", control="trio")
class _ThirdLevelDeadlineForgotten(SabotagedRuntime):
    """The deadline of a scope within two others never passes."""

    depth = 0

    def move_on_after(self, seconds: float) -> Any:
        return _Level(self, seconds)


class _Level:
    """A block that counts how many are around it."""

    def __init__(self, runtime: _ThirdLevelDeadlineForgotten, seconds: float) -> None:
        self._runtime = runtime
        self._seconds = seconds

    async def __aenter__(self) -> Any:
        self._runtime.depth += 1
        healthy: Any = self._runtime.inner
        is_deep = self._runtime.depth > 2
        self._block = healthy.open_cancel_scope() if is_deep else healthy.move_on_after(self._seconds)
        return await self._block.__aenter__()

    async def __aexit__(self, *exc: object) -> Any:
        self._runtime.depth -= 1
        return await self._block.__aexit__(*exc)


@fault("second-deadline-is-not-raised")
class _SecondDeadlineIsNotRaised(SabotagedRuntime):
    """The second time-out of `fail_after` ends its block without an error."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.expired: list[float] = []

    def fail_after(self, seconds: float) -> Any:
        if not self.expired:
            self.expired.append(seconds)
            return self.inner.fail_after(seconds)
        return self.inner.move_on_after(seconds)


# --- offload ---


@fault("third-argument-of-a-job-lost")
class _ThirdArgumentOfAJobLost(SabotagedRuntime):
    """A function that runs in a thread gets two arguments at most; the others are `None`."""

    async def run_in_thread(self, fn: Any, *args: object) -> Any:
        return await self.inner.run_in_thread(fn, *args[:2], *(None for _ in args[2:]))


# --- streams and listeners ---


@fault("large-send-loses-its-end", control="trio")
class _LargeSendLosesItsEnd(Stream):
    """A send of more than 256 KiB loses its last byte."""

    async def send_all(self, data: bytes) -> None:
        await self.inner.send_all(data[:-1] if len(data) > _LARGE else data)


@fault("half-closed-stream-reads-little", control="trio")
class _HalfClosedStreamReadsLittle(Stream):
    """After a half-close at most 64 KiB can be received: then the stream ends."""

    left: int | None = None

    async def send_eof(self) -> None:
        await self.inner.send_eof()
        self.left = 1 << 16

    async def receive_some(self, max_bytes: int) -> Any:
        if self.left is None:
            return await self.inner.receive_some(max_bytes)
        received = b"" if self.left == 0 else await self.inner.receive_some(min(max_bytes, self.left))
        self.left -= len(received)
        return received


@fault("second-cancelled-accept-ends-listening", control="trio")
class _SecondCancelledAcceptEndsListening(Listener):
    """After the second accept that was cancelled, a listener accepts no more."""

    cancelled = 0

    async def accept(self) -> Any:
        if self.cancelled > 1:
            await self.sleep_for_ever()
        try:
            return await self.inner.accept()
        except BaseException:
            self.cancelled += 1
            raise


@fault("only-the-first-waiting-accept-is-served", control="trio")
class _OnlyTheFirstWaitingAcceptIsServed(Listener):
    """Of several tasks that accept at one listener, only the first gets connections."""

    waiting = 0

    async def accept(self) -> Any:
        self.waiting += 1
        try:
            if self.waiting > 1:
                await self.sleep_for_ever()
            return await self.inner.accept()
        finally:
            self.waiting -= 1


@fault("handler-of-the-third-never-runs")
class _HandlerOfTheThirdNeverRuns(Servers):
    """The third connection of a server is accepted, and its handler does not run."""

    def __init__(self, inner: Any, runtime: Any) -> None:
        super().__init__(inner, runtime)
        self._numbers = count(1)

    async def handle(self, handler: Any, stream: Any) -> None:
        if next(self._numbers) == 3:
            await self.sleep_for_ever()
        await handler(stream)


# --- children ---


@fault("second-signal-lost")
class _SecondSignalLost(Child):
    """A child gets the first signal that is sent to it, and no later one."""

    is_sent = False

    def send_signal(self, number: int) -> None:
        if not self.is_sent:
            self.is_sent = True
            self.inner.send_signal(number)


@fault("later-waiter-of-a-child-forgotten")
class _LaterWaiterOfAChildForgotten(Child):
    """A task that waits for a child after another one was cancelled there is not woken."""

    is_cancelled = False

    async def wait(self) -> Any:
        if self.is_cancelled and self.inner.poll() is None:
            await self.sleep_for_ever()
        try:
            return await self.inner.wait()
        except BaseException:
            self.is_cancelled = True
            raise


class _Passing(Part):
    async def start_process(self, command: Any, **streams: Any) -> Any:
        return await self.inner.start_process(command, **streams | {"pass_fds": streams.get("pass_fds", ())[:1]})


@fault("second-passed-descriptor-closed")
class _SecondPassedDescriptorClosed(SabotagedRuntime):
    """Of several descriptors that a child is to have, it gets the first."""

    def processes(self) -> Any:
        return _Passing(super().processes(), self)


# --- bridge ---


@fault("second-receive-of-an-inbox-hangs")
class _SecondReceiveOfAnInboxHangs(Bridge):
    """Of two tasks that receive from one inbox, the second is not woken."""

    def open_inbox(self) -> Any:
        sleep_for_ever = self.sleep_for_ever

        class Inbox(Wrapped):
            waiting = 0

            async def receive(self) -> Any:
                self.waiting += 1
                try:
                    if self.waiting > 1:
                        await sleep_for_ever()
                    return await self.inner.receive()
                finally:
                    self.waiting -= 1

        return Inbox(self.inner.open_inbox())


@fault("result-of-a-job-is-given-once")
class _ResultOfAJobIsGivenOnce(Bridge):
    """The result of a job that is asked for a second time is `None`."""

    def submit(self, fn: Any, *args: object) -> Any:
        class Job(Wrapped):
            is_given = False

            def result(self, timeout: float | None = None) -> Any:
                result = self.inner.result(timeout)
                known, self.is_given = self.is_given, True
                return None if known else result

        return Job(self.inner.submit(fn, *args))


@fault("job-is-done-at-once")
class _JobIsDoneAtOnce(Bridge):
    """A job says that it has ended as soon as it was submitted."""

    def submit(self, fn: Any, *args: object) -> Any:
        class Job(Wrapped):
            def done(self) -> bool:
                return True

        return Job(self.inner.submit(fn, *args))
