"""Runtimes that are healthy but for one thing about cancellation or deadlines. Each wraps the runtime it is given."""

from __future__ import annotations

from harness.api import DeadlineExceeded

SHORT_TRIAL = 0.3
FAR = 1000.0


class Wrapped:
    """Another object, but for what a subclass breaks."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)


class Block(Wrapped):
    """A scope, or the manager of one; both are the same object on every backend."""

    def __init__(self, inner, runtime):
        super().__init__(inner)
        self.runtime = runtime

    async def __aenter__(self):
        await self.inner.__aenter__()
        return self

    async def __aexit__(self, *exc):
        return await self.inner.__aexit__(*exc)


# --- cancellation by call ---


class CancelsNothing(Wrapped):
    """Cancelling a scope or a group does nothing, and a trial is over soon."""

    class _Deaf(Block):
        async def cancel(self):
            """Do nothing."""

    class _DeafGroup(_Deaf):
        async def __aexit__(self, kind, exc, trace):
            ended = await self.inner.__aexit__(None, None, None)
            return ended and exc is None

    def open_cancel_scope(self, **kwargs):
        return self._Deaf(self.inner.open_cancel_scope(**kwargs), self)

    def open_task_group(self):
        return self._DeafGroup(self.inner.open_task_group(), self)

    def move_on_after(self, seconds):
        return self.inner.move_on_after(min(seconds, SHORT_TRIAL))


class CancelsOnce(Wrapped):
    """Of two scopes that are cancelled one after the other only the first one is."""

    calls = 0

    class _Counted(Block):
        async def cancel(self):
            self.runtime.calls += 1
            if self.runtime.calls % 2:
                await self.inner.cancel()

    def open_cancel_scope(self, **kwargs):
        return self._Counted(self.inner.open_cancel_scope(**kwargs), self)


class SwallowsInTimedCall(Wrapped):
    """A call with a time-out returns as if nothing was when its caller is cancelled."""

    async def run_with_timeout(self, seconds, fn, *args):
        try:
            return await self.inner.run_with_timeout(seconds, fn, *args)
        except BaseException as exc:
            if not self.inner.is_cancelled(exc):
                raise


class ShieldsFirstChild(Wrapped):
    """The first task of a group is not cancelled with it."""

    class _Group(Block):
        spawned = 0

        async def spawn(self, fn, *args, name=None):
            self.spawned += 1
            shielded = (self.runtime.inner.run_shielded, fn) if self.spawned == 1 else (fn,)
            await self.inner.spawn(*shielded, *args, name=name)

    def open_task_group(self):
        return self._Group(self.inner.open_task_group(), self)


class LeavesOneBehind(Wrapped):
    """Behind a block that could be cancelled the next checkpoint is."""

    stray = False

    class Stray(BaseException):
        """A cancellation that nobody asked for."""

    class _Leaking(Block):
        async def __aexit__(self, *exc):
            swallowed = await self.inner.__aexit__(*exc)
            self.runtime.stray = True
            return swallowed

    def open_cancel_scope(self, **kwargs):
        return self._Leaking(self.inner.open_cancel_scope(**kwargs), self)

    def fail_after(self, seconds):
        return self._Leaking(self.inner.fail_after(seconds), self)

    def is_cancelled(self, exc):
        return isinstance(exc, self.Stray) or self.inner.is_cancelled(exc)

    async def checkpoint(self):
        if self.stray:
            self.stray = False
            raise self.Stray
        await self.inner.checkpoint()


# --- shields ---


class ShieldsNothing(Wrapped):
    """A shield lets everything through."""

    async def run_shielded(self, fn, *args):
        return await fn(*args)

    def open_cancel_scope(self, *, deadline=None, shield=False):
        del shield
        return self.inner.open_cancel_scope(deadline=deadline)


# --- deadlines ---


class HidesTimeOut(Wrapped):
    """A block that was cut short does not say so."""

    class _Silent(Block):
        cancelled_caught = False

    def open_cancel_scope(self, **kwargs):
        return self._Silent(self.inner.open_cancel_scope(**kwargs), self)

    def move_on_after(self, seconds):
        return self._Silent(self.inner.move_on_after(seconds), self)

    def fail_after(self, seconds):
        return self.inner.move_on_after(seconds)


class BlamesInnermost(Wrapped):
    """Whichever deadline passes, the innermost block says that it timed out."""

    class _Blaming(Block):
        async def __aexit__(self, kind, exc, trace):
            if exc is not None and self.runtime.inner.is_cancelled(exc):
                await self.inner.__aexit__(kind, exc, trace)
                raise DeadlineExceeded
            return await self.inner.__aexit__(kind, exc, trace)

    def fail_after(self, seconds):
        return self._Blaming(self.inner.fail_after(seconds), self)


class CancelsOutwards(Wrapped):
    """A block that times out takes the one around it with it."""

    def __init__(self, inner):
        super().__init__(inner)
        self.blocks = []

    class _Nested(Block):
        async def __aenter__(self):
            self.runtime.blocks.append(self)
            return await super().__aenter__()

        async def __aexit__(self, *exc):
            self.runtime.blocks.remove(self)
            swallowed = await self.inner.__aexit__(*exc)
            if self.inner.cancelled_caught and len(self.runtime.blocks) > 1:  # the first is the limit of the trial
                await self.runtime.blocks[-1].cancel()
            return swallowed

    def move_on_after(self, seconds):
        return self._Nested(self.inner.move_on_after(seconds), self)


class ForgetsOuterDeadline(Wrapped):
    """Of two nested deadlines only the inner one is kept."""

    opened = 0

    def open_cancel_scope(self, *, deadline=None, shield=False):
        self.opened += 1
        return self.inner.open_cancel_scope(deadline=None if self.opened % 2 else deadline, shield=shield)


class ForgetsDeadlines(Wrapped):
    """No block has a deadline, but for the limit of the trial."""

    def open_cancel_scope(self, *, deadline=None, shield=False):
        del deadline
        return self.inner.open_cancel_scope(shield=shield)

    def move_on_after(self, seconds):
        return self.inner.move_on_after(seconds if seconds > 1 else FAR)


class SpawnsOutside(Wrapped):
    """The tasks of a group are in no group."""

    class _Group(Block):
        async def spawn(self, fn, *args, name=None):
            await self.runtime.inner.spawn_detached(fn, *args, name=name)

    def open_task_group(self):
        return self._Group(self.inner.open_task_group(), self)


class CancelledWhileItLocks(Wrapped):
    """The wait for a condition takes its lock again in a way that can be cancelled, as curio does."""

    class _Condition(Wrapped):
        def __init__(self, runtime):
            super().__init__(runtime.create_lock())
            self.event = runtime.create_event()

        async def wait(self):
            await self.release()
            try:
                await self.event.wait()
            finally:
                await self.acquire()

        async def notify(self, n=1):
            del n
            await self.event.set()

    def create_condition(self):
        return self._Condition(self.inner)


# --- results ---


class ChecksAfterwards(Wrapped):
    """An operation that has done its work can still be cancelled."""

    class _Receiver(Wrapped):
        def __init__(self, inner, runtime):
            super().__init__(inner)
            self.runtime = runtime

        async def receive(self):
            item = await self.inner.receive()
            await self.runtime.checkpoint()
            return item

        async def receive_some(self, max_bytes):
            data = await self.inner.receive_some(max_bytes)
            await self.runtime.checkpoint()
            return data

        async def accept(self):
            stream = await self.inner.accept()
            try:
                await self.runtime.checkpoint()
            except BaseException:
                await stream.abort()
                raise
            return stream

    class _Sender(Wrapped):
        def __init__(self, inner, runtime):
            super().__init__(inner)
            self.runtime = runtime

        async def send(self, item):
            await self.inner.send(item)
            await self.runtime.checkpoint()

    def open_channel(self, capacity):
        send, receive = self.inner.open_channel(capacity)
        return self._Sender(send, self.inner), self._Receiver(receive, self.inner)

    async def connect(self, *args, **kwargs):
        return self._Receiver(await self.inner.connect(*args, **kwargs), self.inner)

    async def listen(self, *args, **kwargs):
        return self._Receiver(await self.inner.listen(*args, **kwargs), self.inner)


class ReceivesTwice(Wrapped):
    """The first item of a channel is received twice."""

    class _Receiver(Wrapped):
        received = 0
        first = None

        async def receive(self):
            self.received += 1
            if self.received != 2:
                self.first = self.first or await self.inner.receive()
                item, self.first = self.first, self.first if self.received == 1 else None
                return item
            item, self.first = self.first, None
            return item

    def open_channel(self, capacity):
        send, receive = self.inner.open_channel(capacity)
        return send, self._Receiver(receive)


def sends_the_second(times):
    """Return a wrapping in which the second item of a channel is sent that many times."""

    class SendsAnotherNumber(Wrapped):
        class _Sender(Wrapped):
            sent = 0

            async def send(self, item):
                self.sent += 1
                for _ in range(times if self.sent == 2 else 1):
                    await self.inner.send(item)

        def open_channel(self, capacity):
            send, receive = self.inner.open_channel(capacity)
            return self._Sender(send), receive

    return SendsAnotherNumber
