"""Faults of listening sockets."""

from __future__ import annotations

import errno
import os
from itertools import count
from typing import Any

from harness.api import ErrorKind
from harness.testing.wrapping import Listener, SabotagedRuntime

from .faults import fault

_BATCH = 50
"""A listener that tires accepts so many connections."""


class _RememberingListener(Listener):
    """Resets the connections that it remembers when it is closed."""

    def __init__(self, inner: Any, runtime: SabotagedRuntime) -> None:
        super().__init__(inner, runtime)
        self.accepted: list[Any] = []

    async def aclose(self) -> None:
        await self.inner.aclose()
        for stream in self.accepted:
            await stream.abort()


# --- accept ---


class _CountingListener(Listener):
    def __init__(self, inner: Any, runtime: SabotagedRuntime) -> None:
        super().__init__(inner, runtime)
        self.numbers = count(1)


@fault("accept-stops")
class _AcceptStops(_CountingListener):
    """A listener accepts a batch of connections and no more."""

    async def accept(self) -> Any:
        if next(self.numbers) > _BATCH:
            await self.sleep_for_ever()
        return await self.inner.accept()


@fault("second-connection-lost", control="trio")
class _SecondConnectionLost(_CountingListener):
    """The second connection that a listener accepts is reset and never returned."""

    async def accept(self) -> Any:
        stream = await self.inner.accept()
        if next(self.numbers) == 2:
            await stream.abort()
            return await self.accept()
        return stream


@fault("cancelled-accept-drops", control="trio")
class _CancelledAcceptDrops(_RememberingListener):
    """An accept that is cancelled has taken its connection."""

    async def accept(self) -> Any:
        stream = await self.inner.accept()
        try:
            await self.healthy.checkpoint()
        except BaseException:
            self.accepted.append(stream)
            raise
        return stream


# --- close ---


@fault("listener-close-wakes-nobody", control="trio")
class _ListenerCloseWakesNobody(Listener):
    """A task that accepts when the listener is closed waits for ever."""

    async def accept(self) -> Any:
        try:
            return await self.inner.accept()
        except Exception as exc:
            if self.kind_of(exc) is not ErrorKind.CLOSED:
                raise
            await self.sleep_for_ever()


@fault("listener-close-hangs", control="trio")
class _ListenerCloseHangs(Listener):
    """Closing a listener never returns."""

    async def aclose(self) -> None:
        await self.inner.aclose()
        await self.sleep_for_ever()


@fault("listener-closed-in-name", control="trio")
class _ListenerClosedInName(Listener):
    """Closing a listener returns, and the listener goes on listening."""

    async def aclose(self) -> None:
        self.runtime.left_open.append(self.inner)


class _KnowsAccepted(_RememberingListener):
    async def accept(self) -> Any:
        stream = await self.inner.accept()
        self.accepted.append(stream)
        return stream


@fault("listener-close-cuts", control="trio")
class _ListenerCloseCuts(_KnowsAccepted):
    """Closing a listener resets the connections that it has accepted."""


@fault("listener-close-waits", control="trio")
class _ListenerCloseWaits(_KnowsAccepted):
    """Closing a listener waits for the connections that it has accepted."""

    async def aclose(self) -> None:
        await self.inner.aclose()
        for stream in self.accepted:
            try:
                while await stream.receive_some(1):
                    pass
            except Exception as exc:
                if self.kind_of(exc) not in {ErrorKind.BROKEN, ErrorKind.CLOSED}:
                    raise


# --- ports ---


@fault("port-not-reused", control="trio")
class _PortNotReused(SabotagedRuntime):
    """A port that was in use is taken, as without SO_REUSEADDR."""

    async def listen(self, *args: Any, port: int = 0, **kwargs: Any) -> Any:
        if port:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        return await self.inner.listen(*args, **kwargs)


@fault("port-shared", control="trio")
class _PortShared(SabotagedRuntime):
    """Every listener shares its port, asked for or not."""

    async def listen(self, *args: Any, **kwargs: Any) -> Any:
        return await self.inner.listen(*args, **kwargs | {"reuse_port": True})


# --- out of descriptors ---


class _OnOutOfFds(_RememberingListener):
    out = False

    async def accept(self) -> Any:
        try:
            stream = await self.inner.accept()
        except Exception as exc:
            if self.kind_of(exc) is not ErrorKind.OUT_OF_FDS:
                raise
            self.out = True
            return await self.on_out_of_fds()
        if self.out and len(self.accepted) < 3:
            self.accepted.append(stream)
            await self.on_waiting_client(stream)
            return await self.accept()
        return stream

    async def on_out_of_fds(self) -> Any:
        await self.healthy.sleep(0.01)
        return await self.accept()

    async def on_waiting_client(self, stream: Any) -> None:
        """Serve no connection."""


@fault("out-of-fds-closes-waiting", control="trio")
class _OutOfFdsClosesWaiting(_OnOutOfFds):
    """The clients that waited for a descriptor are accepted and reset."""

    async def on_waiting_client(self, stream: Any) -> None:
        await stream.abort()


@fault("out-of-fds-forgets-waiting", control="trio")
class _OutOfFdsForgetsWaiting(_OnOutOfFds):
    """The clients that waited for a descriptor are accepted and never served."""


@fault("out-of-fds-kills-accept", control="trio")
class _OutOfFdsKillsAccept(_OnOutOfFds):
    """A listener that was out of descriptors never accepts again."""

    async def on_out_of_fds(self) -> Any:
        await self.sleep_for_ever()


@fault("out-of-fds-spins", control="trio")
class _OutOfFdsSpins(Listener):
    """An accept that is out of descriptors retries without end and reports nothing."""

    async def accept(self) -> Any:
        while True:
            try:
                return await self.inner.accept()
            except OSError as exc:
                if self.kind_of(exc) is not ErrorKind.OUT_OF_FDS:
                    raise
                await self.healthy.checkpoint()
