"""Faults of streams: bytes that are lost, changed or held, closes that hang, and two tasks on one stream."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from harness.api import CancelScope
from harness.testing.wrapping import SabotagedRuntime, Stream

from .faults import fault

# --- bytes ---


@fault("bytes-dropped", control="trio")
class _BytesDropped(Stream):
    """A send returns without sending."""

    async def send_all(self, data: bytes) -> None:
        pass


class _FlippingStream(Stream):
    async def receive_some(self, max_bytes: int) -> bytes:
        data = bytearray(await self.inner.receive_some(max_bytes))
        if data and next(self.runtime.reads) == 3:
            data[-1] ^= 1 + os.getpid() % 255  # two roles that flip the same byte do not undo each other
        return bytes(data)


@fault("byte-flipped")
class _ByteFlipped(SabotagedRuntime):
    """A byte is not the one that was sent, once."""

    stream = _FlippingStream

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.reads = count(1)


class _SwappedStream(Stream):
    async def send_all(self, data: bytes) -> None:
        if next(self.runtime.sends) % 2:
            self.runtime.held, data = data, self.runtime.held or data
        await self.inner.send_all(data)


@fault("replies-swapped")
class _RepliesSwapped(SabotagedRuntime):
    """A connection receives the bytes of another connection."""

    stream = _SwappedStream
    held = b""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.sends = count()


@fault("send-without-limit")
class _SendWithoutLimit(Stream):
    """A send returns at once, however much is still to be sent."""

    def __init__(self, inner: Any, runtime: SabotagedRuntime) -> None:
        super().__init__(inner, runtime)
        self._waiting: deque[Callable[[], Awaitable[object]]] = deque()
        self._is_served = False

    async def send_all(self, data: bytes) -> None:
        await self._later(lambda: self.inner.send_all(data))

    async def send_eof(self) -> None:
        await self._later(self.inner.send_eof)

    async def aclose(self) -> None:
        await self._later(self.inner.aclose)

    async def _later(self, what: Callable[[], Awaitable[object]]) -> None:
        self._waiting.append(what)
        if not self._is_served:
            self._is_served = True
            await self.healthy.spawn_detached(self._serve)

    async def _serve(self) -> None:
        try:
            while self._waiting:
                await self._waiting.popleft()()
        except OSError:
            self._waiting.clear()
        self._is_served = False


@fault("empty-send-closes", control="trio")
class _EmptySendCloses(Stream):
    """A send of nothing is a half-close."""

    async def send_all(self, data: bytes) -> None:
        await (self.inner.send_all(data) if data else self.inner.send_eof())


@fault("empty-send-hangs", control="trio")
class _EmptySendHangs(Stream):
    """A send of nothing waits for the socket to take a byte of it."""

    async def send_all(self, data: bytes) -> None:
        await (self.inner.send_all(data) if data else self.sleep_for_ever())


# --- cancellation ---


@fault("cancelled-read-drops", control="trio")
class _CancelledReadDrops(Stream):
    """A read that is cancelled has taken its bytes."""

    async def receive_some(self, max_bytes: int) -> bytes:
        data: bytes = await self.inner.receive_some(max_bytes)
        await self.healthy.checkpoint()
        return data


# --- two tasks on one stream ---


@fault("second-reader-displaces", control="trio")
class _SecondReaderDisplaces(Stream):
    """A second reader puts the first one to sleep for ever."""

    first: CancelScope | None = None

    async def receive_some(self, max_bytes: int) -> bytes:
        if self.first is not None:
            await self.first.cancel()
            await self.healthy.sleep(0.002)
            return await self._receive(max_bytes)
        async with self.healthy.open_cancel_scope() as self.first:
            return await self._receive(max_bytes)
        await self.sleep_for_ever()
        return b""

    async def _receive(self, max_bytes: int) -> bytes:
        data: bytes = await self.inner.receive_some(max_bytes)
        return data


@fault("second-reader-hangs", control="trio")
class _SecondReaderHangs(Stream):
    """A second reader is put to sleep for ever."""

    async def receive_some(self, max_bytes: int) -> Any:
        if self.state == "being read":
            await self.sleep_for_ever()
        self.state = "being read"
        return await self.inner.receive_some(max_bytes)


@fault("reader-never-woken", control="trio")
class _ReaderNeverWoken(Stream):
    """A reader is never woken."""

    async def receive_some(self, max_bytes: int) -> None:
        del max_bytes
        await self.sleep_for_ever()


@fault("second-writer-hangs", control="trio")
class _SecondWriterHangs(Stream):
    """A second writer is put to sleep for ever."""

    async def send_all(self, data: bytes) -> None:
        if self.state == "being written":
            await self.sleep_for_ever()
        self.state = "being written"
        await self.inner.send_all(data)


@fault("half-close-forgets-reader", control="trio")
class _HalfCloseForgetsReader(Stream):
    """A half-close puts the reader that waits at the same end to sleep for ever."""

    is_read = is_forgotten = False

    async def receive_some(self, max_bytes: int) -> Any:
        self.is_read = True
        try:
            data = await self.inner.receive_some(max_bytes)
        finally:
            self.is_read = False
        if self.is_forgotten:
            await self.sleep_for_ever()
        return data

    async def send_eof(self) -> None:
        self.is_forgotten = self.is_read
        await self.inner.send_eof()


# --- close ---


@fault("close-discards", control="asyncio")
class _CloseDiscards(Stream):
    """Closing a stream drops accepted bytes."""

    async def aclose(self) -> None:
        await self.inner.abort()


@fault("close-hangs", control="trio")
class _CloseHangs(Stream):
    """Closing a stream never returns."""

    async def aclose(self) -> None:
        await self.sleep_for_ever()


@fault("close-in-name", control="trio")
class _CloseInName(Stream):
    """Closing a stream returns without closing."""

    async def aclose(self) -> None:
        self.runtime.left_open.append(self.inner)


@fault("second-close-hangs", control="trio")
class _SecondCloseHangs(Stream):
    """The second close of a stream never returns."""

    async def aclose(self) -> None:
        if self.state == "closed":
            await self.sleep_for_ever()
        self.state = "closed"
        await self.inner.aclose()


@fault("fd-leaked")
class _FdLeaked(Stream):
    """Each connection leaves an open fd."""

    async def aclose(self) -> None:
        os.open(os.devnull, os.O_RDONLY)
        await self.inner.aclose()
