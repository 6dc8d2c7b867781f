"""Faults of the bridge between a thread and the scheduler."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from contextvars import copy_context
from typing import Any, ClassVar

from harness.testing.wrapping import Bridge, Event, SabotagedRuntime, Wrapped

from .faults import fault

_LONG = 3.0
"""How long a call is held for ever: longer than any question waits for it."""
_LOOKS, _LOOK_SECONDS = 5000, 0.002
"""The same in looks, of which a question has 1500 at most: on a busy machine the looks of both take longer."""


class _Inbox(Wrapped):
    """An inbox, to be broken."""


@fault("inbox-does-not-wake")
class _InboxDoesNotWake(Bridge):
    """An item that a thread puts into an inbox does not wake the loop."""

    def open_inbox(self) -> Any:
        class Inbox(_Inbox):
            def put(self, item: object) -> None:
                self.inner._put(item)  # noqa: SLF001 - what wakes nothing

        return Inbox(self.inner.open_inbox())


@fault("inbox-loses-items")
class _InboxLosesItems(Bridge):
    """An item that is put into an inbox is dropped."""

    def open_inbox(self) -> Any:
        class Inbox(_Inbox):
            def put(self, item: object) -> None:
                pass

        return Inbox(self.inner.open_inbox())


@fault("inbox-doubles-items", control="trio")
class _InboxDoublesItems(Bridge):
    """An item that is put into an inbox is received twice."""

    def open_inbox(self) -> Any:
        class Inbox(_Inbox):
            def put(self, item: object) -> None:
                self.inner.put(item)
                self.inner.put(item)

        return Inbox(self.inner.open_inbox())


@fault("inbox-swaps-items", control="threads")
class _InboxSwapsItems(Bridge):
    """Each two items of a thread change places."""

    def open_inbox(self) -> Any:
        held = threading.local()

        class Inbox(_Inbox):
            def put(self, item: object) -> None:
                before = getattr(held, "items", [])
                held.items = [] if before else [item]
                for one in (item, *before) if before else ():
                    self.inner.put(one)

        return Inbox(self.inner.open_inbox())


@fault("cancelled-inbox-takes-item")
class _CancelledInboxTakesItem(Bridge):
    """A receive that is cancelled behind its item drops it."""

    def open_inbox(self) -> Any:
        checkpoint = self.healthy.checkpoint

        class Inbox(_Inbox):
            async def receive(self) -> Any:
                item = await self.inner.receive()
                await checkpoint()
                await checkpoint()
                return item

        return Inbox(self.inner.open_inbox())


@fault("bridge-event-wakes-one", control="trio")
class _BridgeEventWakesOne(Bridge):
    """An event that a thread sets wakes the first waiter only."""

    def create_event(self) -> Any:
        sleep_for_ever = self.sleep_for_ever
        waiters: list[int] = []

        class OneWaiter(Wrapped):
            async def wait(self) -> None:
                waiters.append(1)
                if len(waiters) > 1 and not self.inner.is_set():
                    await sleep_for_ever()
                await self.inner.wait()

        return OneWaiter(self.inner.create_event())


@fault("bridge-event-does-not-wake")
class _BridgeEventDoesNotWake(Bridge):
    """An event that a thread or a signal handler sets does not wake the loop."""

    def create_event(self) -> Any:
        class Sleepy(Wrapped):
            def set(self) -> None:
                self.inner._set()  # noqa: SLF001 - what wakes nothing

        return Sleepy(self.inner.create_event())


@fault("call-soon-forgotten")
class _CallSoonForgotten(Bridge):
    """A call that a thread asks for is never made, and never refused."""

    def call_soon(self, fn: Callable[..., object], *args: object) -> None:
        del fn, args


@fault("call-soon-does-not-wake")
class _CallSoonDoesNotWake(Bridge):
    """A call that a thread asks for does not wake the loop."""

    def call_soon(self, fn: Callable[..., object], *args: object) -> None:
        self.inner._loop.call_soon(fn, *args)  # noqa: SLF001 - what wakes nothing


@fault("error-of-call-unseen", control="trio")
class _ErrorOfCallUnseen(Bridge):
    """The exception of a call that a thread requested is dropped."""

    def call_soon(self, fn: Callable[..., object], *args: object) -> None:
        def quietly() -> None:
            with suppress(Exception):
                fn(*args)

        self.inner.call_soon(quietly)


@fault("call-error-lost")
class _CallErrorLost(Bridge):
    """A function that a thread has run by the scheduler returns nothing instead of raising."""

    def submit(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        async def quietly() -> Any:
            try:
                return await fn(*args)
            except BaseException:  # noqa: BLE001 - that is the fault
                return None

        return self.inner.submit(quietly)


@fault("call-error-wakes-nothing")
class _CallErrorWakesNothing(Bridge):
    """A thread waits for ever for a function that raises."""

    def submit(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        result: Future[Any] = Future()

        async def attempt() -> None:
            with suppress(Exception):
                result.set_result(await fn(*args))

        self.inner.submit(attempt)
        return result


class _Job(Wrapped):
    """A job, to be broken."""


@fault("cancelled-job-runs-on")
class _CancelledJobRunsOn(Bridge):
    """A job that a thread cancels runs on, and the thread gets a cancellation."""

    def submit(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        class Uncancelled(_Job):
            def cancel(self) -> bool:
                return True

        return Uncancelled(self.inner.submit(fn, *args))


@fault("timeout-cancels-job", control="asyncio")
class _TimeoutCancelsJob(Bridge):
    """A wait for a job that times out cancels the job."""

    def submit(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        class Impatient(_Job):
            def result(self, timeout: float | None = None) -> Any:
                try:
                    return self.inner.result(timeout)
                except TimeoutError:
                    self.inner.cancel()
                    raise

        return Impatient(self.inner.submit(fn, *args))


@fault("job-ignores-timeout", control="threads")
class _JobIgnoresTimeout(Bridge):
    """A wait for a job has no time-out."""

    def submit(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        class Patient(_Job):
            def result(self, timeout: float | None = None) -> Any:
                del timeout
                return self.inner.result(_LONG)

        return Patient(self.inner.submit(fn, *args))


@fault("calls-share-a-context")
class _CallsShareAContext(Bridge):
    """A call's changes to its context are visible to the next call."""

    shared = copy_context()

    def run(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        async def in_shared() -> Any:
            import asyncio  # the fault is one of asyncio; loading the saboteurs imports no runtime

            loop = asyncio.get_running_loop()
            return await loop.create_task(fn(*args), context=self.shared)  # type: ignore[arg-type]  # a coroutine

        return self.inner.run(in_shared)


@fault("one-call-at-a-time")
class _OneCallAtATime(Bridge):
    """A call waits until every other call has come back."""

    turn = threading.Lock()

    def run(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        has_turn = self.turn.acquire(timeout=_LONG)
        try:
            return self.inner.run(fn, *args)
        finally:
            if has_turn:
                self.turn.release()


@fault("cancelled-call-has-a-result", control="trio")
class _CancelledCallHasAResult(Bridge):
    """A thread whose call was cancelled gets a result."""

    def run(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        try:
            return self.inner.run(fn, *args)
        except BaseException:  # noqa: BLE001 - that is the fault
            return None


@fault("call-is-lost-while-busy", control="trio")
class _CallIsLostWhileBusy(Bridge):
    """A call that a scheduler which is busy does not make soon is never made."""

    def run(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        is_awake = threading.Event()
        self.inner.call_soon(is_awake.set)
        if not is_awake.wait(0.2):
            time.sleep(_LONG)
        return self.inner.run(fn, *args)


@fault("own-call-cannot-be-ended")
class _OwnCallCannotBeEnded(Bridge):
    """Nothing ends a wait of the scheduler's own thread for a call."""

    def submit(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        class Deaf(_Job):
            def cancel(self) -> bool:
                return False

            def result(self, timeout: float | None = None) -> Any:
                for _ in range(_LOOKS):
                    with suppress(TimeoutError):
                        return self.inner.result(_LOOK_SECONDS if timeout is None else timeout)
                return None

        return Deaf(self.inner.submit(fn, *args))


class _Deaf:
    """Direct calls that have no effect."""

    def put(self, *_: object) -> None:
        """Drop it."""

    set = spawn = cancel = put


@fault("direct-call-lost", control="threads")
class _DirectCallLost(Bridge):
    """A thread's direct use of the scheduler's objects has no effect, and is not refused."""

    def direct(self) -> Any:
        return _Deaf()


def _unless_ended(call: Callable[..., Any], *args: object) -> Any:
    try:
        return call(*args)
    except RuntimeError:
        for _ in range(_LOOKS):
            time.sleep(_LOOK_SECONDS)


@fault("call-after-end-waits")
class _CallAfterEndWaits(Bridge):
    """A thread that calls into a loop that has ended waits for ever."""

    def call_soon(self, fn: Callable[..., object], *args: object) -> None:
        _unless_ended(self.inner.call_soon, fn, *args)

    def submit(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        return _unless_ended(self.inner.submit, fn, *args) or Future()

    def open_inbox(self) -> Any:
        class Inbox(_Inbox):
            def put(self, item: object) -> None:
                _unless_ended(self.inner.put, item)

        return Inbox(self.inner.open_inbox())

    def create_event(self) -> Any:
        class Patient(Wrapped):
            def set(self) -> None:
                _unless_ended(self.inner.set)

        return Patient(self.inner.create_event())


@fault("call-after-end-swallowed", control="trio")
class _CallAfterEndSwallowed(Bridge):
    """A call into a run that has ended is accepted."""

    def call_soon(self, fn: Callable[..., object], *args: object) -> None:
        with suppress(RuntimeError):
            self.inner.call_soon(fn, *args)


@fault("bridge-leads-to-the-latest-run")
class _BridgeLeadsToTheLatestRun(Bridge):
    """Every call is made by the loop that was started last."""

    latest: ClassVar[list[Any]] = []

    def __init__(self, inner: Any, runtime: SabotagedRuntime) -> None:
        super().__init__(inner, runtime)
        self.latest[:] = [inner]

    def call_soon(self, fn: Callable[..., object], *args: object) -> None:
        self.latest[0].call_soon(fn, *args)

    def submit(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        return self.latest[0].submit(fn, *args)


@fault("pending-call-forgotten")
class _PendingCallForgotten(Bridge):
    """A thread whose call is cancelled by the end of the loop waits for ever."""

    def submit(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        result: Future[Any] = Future()

        def settle(job: Any) -> None:
            with suppress(BaseException):
                result.set_result(job.result(0))

        self.inner.submit(fn, *args).add_done_callback(settle)
        return result


@fault("last-call-forgotten", control="threads")
class _LastCallForgotten(Bridge):
    """A thread whose call comes as the run ends waits for ever."""

    def submit(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        try:
            return self.inner.submit(fn, *args)
        except RuntimeError:
            return Future()


@fault("event-forgets-foreign-waiters")
class _EventForgetsForeignWaiters(Event):
    """An event wakes the tasks of its own loop only."""

    def __init__(self, inner: Any, runtime: SabotagedRuntime) -> None:
        super().__init__(inner, runtime)
        self._home = threading.get_ident()

    async def wait(self) -> None:
        if threading.get_ident() != self._home:
            import asyncio

            await asyncio.Event().wait()
        await self.inner.wait()
