"""Faults of calls that are cancelled or fail and leave a descriptor, and of descriptors that several tasks use."""

from __future__ import annotations

import os
from typing import Any

from harness.testing.wrapping import Listener, Names, SabotagedRuntime, Stream, Unix

from .faults import fault


def _keep_one(runtime: Any) -> None:
    runtime.left_open.append(os.open(os.devnull, os.O_RDONLY))


# --- cancelled ---


@fault("cancelled-connect-keeps-an-fd", control="trio")
class _CancelledConnectKeepsAnFd(SabotagedRuntime):
    """A connect that is cancelled leaves a descriptor open."""

    async def connect(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super().connect(*args, **kwargs)
        except BaseException as exc:
            if self.inner.is_cancelled(exc):
                _keep_one(self)
            raise


@fault("cancelled-accept-keeps-an-fd", control="trio")
class _CancelledAcceptKeepsAnFd(Listener):
    """Each tenth accept that is cancelled leaves a descriptor open."""

    async def accept(self) -> Any:
        try:
            return await self.inner.accept()
        except BaseException as exc:
            if self.healthy.is_cancelled(exc):
                self.runtime.accepts = getattr(self.runtime, "accepts", 0) + 1
                if self.runtime.accepts % 10 == 0:
                    _keep_one(self.runtime)
            raise


@fault("cancelled-send-keeps-an-fd", control="asyncio")
class _CancelledSendKeepsAnFd(Stream):
    """A send that is cancelled leaves a descriptor open."""

    async def send_all(self, data: bytes) -> None:
        try:
            await self.inner.send_all(data)
        except BaseException as exc:
            if self.healthy.is_cancelled(exc):
                _keep_one(self.runtime)
            raise


@fault("cancelled-unix-connect-keeps-an-fd", control="trio")
class _CancelledUnixConnectKeepsAnFd(Unix):
    """A connect to a Unix socket that is cancelled leaves a descriptor open."""

    async def connect_unix(self, path: str) -> Any:
        try:
            return await super().connect_unix(path)
        except BaseException as exc:
            if self.healthy.is_cancelled(exc):
                _keep_one(self.runtime)
            raise


@fault("cancelled-connect-by-name-keeps-an-fd", control="trio")
class _CancelledConnectByNameKeepsAnFd(Names):
    """A connect by name that is cancelled leaves a descriptor open."""

    async def connect_by_name(self, host: str, port: int) -> Any:
        try:
            return await super().connect_by_name(host, port)
        except BaseException as exc:
            if self.healthy.is_cancelled(exc):
                _keep_one(self.runtime)
            raise


# --- failed ---


@fault("refused-connect-keeps-an-fd", control="trio")
class _RefusedConnectKeepsAnFd(SabotagedRuntime):
    """A connect that is refused leaves a descriptor open."""

    async def connect(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super().connect(*args, **kwargs)
        except OSError:
            _keep_one(self)
            raise


@fault("failed-listen-keeps-an-fd", control="threads")
class _FailedListenKeepsAnFd(SabotagedRuntime):
    """A listen on a port that is taken leaves a descriptor open."""

    async def listen(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super().listen(*args, **kwargs)
        except OSError:
            _keep_one(self)
            raise


@fault("failed-unix-listen-keeps-an-fd", control="asyncio")
class _FailedUnixListenKeepsAnFd(Unix):
    """A listen at a path of another file leaves a descriptor open."""

    async def listen_unix(self, path: str, **kwargs: Any) -> Any:
        try:
            return await super().listen_unix(path, **kwargs)
        except OSError as exc:
            if exc.errno is not None:
                _keep_one(self.runtime)
            raise


@fault("one-address-keeps-an-fd", control="trio")
class _OneAddressKeepsAnFd(Names):
    """A connect by name whose addresses all refuse leaves one descriptor open, now and then."""

    async def connect_by_name(self, host: str, port: int) -> Any:
        try:
            return await super().connect_by_name(host, port)
        except OSError:
            self.runtime.fails = getattr(self.runtime, "fails", 0) + 1
            if self.runtime.fails % 20 == 0:
                _keep_one(self.runtime)
            raise


# --- shared ---


@fault("old-reader-takes-bytes-of-another", control="trio")
class _OldReaderTakesBytesOfAnother(Stream):
    """A task that read a stream which was closed goes on with the connection that comes next."""

    async def receive_some(self, max_bytes: int) -> Any:
        self.runtime.latest = self
        if getattr(self.runtime, "is_reading_on", False):
            await self.sleep_for_ever()
        try:
            return await self.inner.receive_some(max_bytes)
        except Exception as exc:
            if self.healthy.is_cancelled(exc):
                raise
            self.runtime.is_reading_on = True
            while self.runtime.latest is self:
                await self.healthy.sleep(0.001)
            return await self.runtime.latest.inner.receive_some(max_bytes)


@fault("stale-wait-hides-the-new", control="trio")
class _StaleWaitHidesTheNew(SabotagedRuntime):
    """A connection that is made after a stream was closed under its reader reads nothing."""

    async def connect(self, *args: Any, **kwargs: Any) -> Any:
        return _Hidden(await self.inner.connect(*args, **kwargs), self)


class _Hidden(Stream):
    async def receive_some(self, max_bytes: int) -> Any:
        if getattr(self.runtime, "has_stale", False):
            await self.sleep_for_ever()
        try:
            return await self.inner.receive_some(max_bytes)
        except Exception as exc:
            if not self.healthy.is_cancelled(exc):
                self.runtime.has_stale = True
            raise


@fault("cancelled-acceptor-takes-its-turn", control="asyncio")
class _CancelledAcceptorTakesItsTurn(Listener):
    """After an accept that was cancelled the next client is dropped."""

    owed = 0

    async def accept(self) -> Any:
        try:
            stream = await self.inner.accept()
        except BaseException as exc:
            if self.healthy.is_cancelled(exc):
                self.owed += 1
            raise
        if self.owed:
            self.owed -= 1
            await stream.abort()
            return await self.accept()
        return stream


@fault("acceptor-behind-another-sleeps", control="asyncio")
class _AcceptorBehindAnotherSleeps(Listener):
    """A third task that accepts is not woken."""

    accepting = 0

    async def accept(self) -> Any:
        self.accepting += 1
        try:
            if self.accepting > 2:
                await self.sleep_for_ever()
            return await self.inner.accept()
        finally:
            self.accepting -= 1
