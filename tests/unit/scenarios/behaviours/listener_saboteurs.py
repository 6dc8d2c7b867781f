"""Runtimes that are healthy but for one thing that their listeners do. Each wraps the runtime it is given."""

import errno
import os

from harness.api import ErrorKind

from .stream_saboteurs import Wrapped


class Listener(Wrapped):
    """A listener of a runtime, which it knows, to wait on it."""

    def __init__(self, inner, runtime):
        super().__init__(inner)
        self.runtime = runtime
        self.accepted = []

    async def sleep_for_ever(self):
        await self.runtime.create_event().wait()


def with_listeners(listener_class):
    """Return a wrapping of a runtime whose listeners are of that class."""

    class Sabotaged(Wrapped):
        async def listen(self, *args, **kwargs):
            return listener_class(await self.inner.listen(*args, **kwargs), self.inner)

    return Sabotaged


# --- close ---


class SleepsAtClose(Listener):
    """Whoever accepts when the listener is closed waits for ever."""

    async def accept(self):
        try:
            return await self.inner.accept()
        except Exception as exc:
            if self.runtime.classify(exc) is not ErrorKind.CLOSED:
                raise
            await self.sleep_for_ever()


class NeverCloses(Listener):
    """Closing waits for ever."""

    async def aclose(self):
        await self.inner.aclose()
        await self.sleep_for_ever()


LEFT_OPEN = []
"""Listeners that were closed in name only, for the test to close."""


class ClosesInName(Listener):
    """Closing says that it has closed, and goes on listening."""

    async def aclose(self):
        LEFT_OPEN.append(self.inner)


class _KnowsAccepted(Listener):
    async def accept(self):
        stream = await self.inner.accept()
        self.accepted.append(stream)
        return stream


class CutsAtClose(_KnowsAccepted):
    """Closing the listener resets the connections that it has accepted."""

    async def aclose(self):
        await self.inner.aclose()
        for stream in self.accepted:
            await stream.abort()


class WaitsAtClose(_KnowsAccepted):
    """Closing the listener waits for the connections that it has accepted, as `asyncio.Server.wait_closed`."""

    async def aclose(self):
        await self.inner.aclose()
        for stream in self.accepted:
            try:
                while await stream.receive_some(1):
                    pass
            except Exception as exc:
                if self.runtime.classify(exc) not in {ErrorKind.BROKEN, ErrorKind.CLOSED}:
                    raise


# --- accept ---


class DropsCancelled(Listener):
    """An accept that is cancelled when it has accepted drops the connection."""

    async def accept(self):
        stream = await self.inner.accept()
        try:
            await self.runtime.checkpoint()
        except BaseException:
            self.accepted.append(stream)
            raise
        return stream

    async def aclose(self):
        await self.inner.aclose()
        for stream in self.accepted:
            await stream.abort()


class SwapsFirstTwo(Listener):
    """The second connection comes first."""

    async def accept(self):
        if not self.accepted:
            self.accepted += [await self.inner.accept(), await self.inner.accept(), None]
        if len(self.accepted) > 1:
            return self.accepted.pop(1 if len(self.accepted) == 3 else 0)
        return await self.inner.accept()


class LosesSecond(Listener):
    """The second connection is reset at once."""

    count = 0

    async def accept(self):
        stream = await self.inner.accept()
        self.count += 1
        if self.count == 2:
            await stream.abort()
            return await self.accept()
        return stream


# --- ports ---


class RefusesTimeWait(Wrapped):
    """Listens as without SO_REUSEADDR: a port that was in use is taken."""

    async def listen(self, *args, port=0, **kwargs):
        if port:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        return await self.inner.listen(*args, **kwargs)


class SharesPorts(Wrapped):
    """Every listener shares its port."""

    async def listen(self, *args, **kwargs):
        return await self.inner.listen(*args, **kwargs | {"reuse_port": True})


# --- out of descriptors ---


class _OnOutOfFds(Listener):
    out = False

    async def accept(self):
        try:
            stream = await self.inner.accept()
        except Exception as exc:
            if self.runtime.classify(exc) is not ErrorKind.OUT_OF_FDS:
                raise
            self.out = True
            return await self.on_out_of_fds()
        if self.out and len(self.accepted) < 3:
            self.accepted.append(stream)
            await self.on_waiting_client(stream)
            return await self.accept()
        return stream

    async def on_out_of_fds(self):
        await self.runtime.sleep(0.01)
        return await self.accept()

    async def on_waiting_client(self, stream):
        pass

    async def aclose(self):
        await self.inner.aclose()
        for stream in self.accepted:
            await stream.abort()


class ClosesWaiting(_OnOutOfFds):
    """The clients that waited for a descriptor are accepted and reset."""

    async def on_waiting_client(self, stream):
        await stream.abort()


class ForgetsWaiting(_OnOutOfFds):
    """The clients that waited for a descriptor are accepted and never served."""


class DiesOutOfFds(_OnOutOfFds):
    """A listener that was out of descriptors never accepts again."""

    async def on_out_of_fds(self):
        await self.sleep_for_ever()


class SpinsOutOfFds(Listener):
    """Accept tries again and again, and tells nobody."""

    async def accept(self):
        while True:
            try:
                return await self.inner.accept()
            except OSError as exc:
                if self.runtime.classify(exc) is not ErrorKind.OUT_OF_FDS:
                    raise
                await self.runtime.checkpoint()
