"""Faults of how a stream ends: ends of stream, resets and closes that are hidden, invented or never told."""

from __future__ import annotations

import errno
import os
from abc import ABC, abstractmethod
from typing import Any

from harness.api import ErrorKind
from harness.testing.wrapping import SabotagedRuntime, Stream

from .faults import fault

# --- end of stream ---


@fault("end-closes-both-ways", control="trio")
class _EndClosesBothWays(Stream):
    """The peer's end of stream closes both directions."""

    async def receive_some(self, max_bytes: int) -> bytes:
        data: bytes = await self.inner.receive_some(max_bytes)
        if not data:
            await self.inner.aclose()
        return data


@fault("bytes-after-end", control="trio")
class _BytesAfterEnd(Stream):
    """Bytes come after the end of stream."""

    async def receive_some(self, max_bytes: int) -> bytes:
        data: bytes = await self.inner.receive_some(max_bytes)
        return data or b"ghost"


@fault("end-overtakes-bytes", control="trio")
class _EndOvertakesBytes(Stream):
    """The end of stream overtakes the bytes."""

    async def receive_some(self, max_bytes: int) -> bytes:
        await self.inner.receive_some(max_bytes)
        return b""


class _AtSecondEnd(Stream, ABC):
    async def receive_some(self, max_bytes: int) -> bytes:
        if self.state == "at end":
            await self.at_second_end()
        data: bytes = await self.inner.receive_some(max_bytes)
        self.state = "open" if data else "at end"
        return data

    @abstractmethod
    async def at_second_end(self) -> None:
        """Do something instead of saying the end again."""


@fault("second-end-hangs", control="trio")
class _SecondEndHangs(_AtSecondEnd):
    """The second read at the end of stream waits for more."""

    async def at_second_end(self) -> None:
        await self.sleep_for_ever()


@fault("second-end-raises", control="trio")
class _SecondEndRaises(_AtSecondEnd):
    """The second read at the end of stream is an error."""

    async def at_second_end(self) -> None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


# --- half-close ---


@fault("half-close-kept", control="trio")
class _HalfCloseKept(Stream):
    """A half-close is not sent."""

    async def send_eof(self) -> None:
        pass


@fault("half-close-closes", control="trio")
class _HalfCloseCloses(Stream):
    """A half-close closes both directions."""

    async def send_eof(self) -> None:
        await self.inner.aclose()


@fault("half-close-resets", control="trio")
class _HalfCloseResets(Stream):
    """A half-close resets the connection."""

    async def send_eof(self) -> None:
        await self.inner.abort()


@fault("send-after-half-close", control="trio")
class _SendAfterHalfClose(Stream):
    """A send after a half-close does not raise."""

    async def send_all(self, data: bytes) -> None:
        if self.state == "open":
            await self.inner.send_all(data)

    async def send_eof(self) -> None:
        self.state = "half-closed"
        await self.inner.send_eof()


# --- reset ---


@fault("reset-drops-bytes", control="trio")
class _ResetDropsBytes(Stream):
    """A reset overtakes the bytes that arrived before it."""

    async def receive_some(self, max_bytes: int) -> bytes:
        ahead = b""
        while data := await self.inner.receive_some(max_bytes):
            ahead += data
        return ahead


class _OnError(Stream, ABC):
    on: ErrorKind

    async def receive_some(self, max_bytes: int) -> Any:
        try:
            return await self.inner.receive_some(max_bytes)
        except Exception as exc:
            if self.kind_of(exc) is not self.on:
                raise
            return await self.instead(b"")

    async def send_all(self, data: bytes) -> None:
        try:
            await self.inner.send_all(data)
        except Exception as exc:
            if self.kind_of(exc) is not self.on:
                raise
            await self.instead(None)

    @abstractmethod
    async def instead(self, result: Any) -> Any:
        """Do something instead of failing; `result` is that of a call which succeeds."""


@fault("reset-hidden", control="trio")
class _ResetHidden(_OnError):
    """A reset looks like an orderly end to a reader, and like nothing to a sender."""

    on = ErrorKind.BROKEN

    async def instead(self, result: Any) -> Any:
        return result


@fault("reset-wakes-nobody", control="trio")
class _ResetWakesNobody(_OnError):
    """A task that waits when the peer resets waits for ever."""

    on = ErrorKind.BROKEN

    async def instead(self, result: Any) -> Any:
        del result
        await self.sleep_for_ever()


@fault("reset-blames-nobody", control="trio")
class _ResetBlamesNobody(_OnError):
    """A reset raises an error of unknown kind."""

    on = ErrorKind.BROKEN

    async def instead(self, result: Any) -> Any:
        del result
        raise RuntimeError("something went wrong")


# --- close by this side ---


@fault("own-close-wakes-nobody", control="trio")
class _OwnCloseWakesNobody(_OnError):
    """A task that uses the stream while or after this side closes it waits for ever."""

    on = ErrorKind.CLOSED

    async def instead(self, result: Any) -> Any:
        del result
        await self.sleep_for_ever()


@fault("own-close-hidden", control="trio")
class _OwnCloseHidden(_OnError):
    """A send on a stream that this side has closed returns without an error."""

    on = ErrorKind.CLOSED

    async def instead(self, result: Any) -> Any:
        return result


# --- connect ---


@fault("refusal-hidden", control="trio")
class _RefusalHidden(SabotagedRuntime):
    """A connect that is refused looks like one that timed out."""

    async def connect(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return await self.inner.connect(*args, **kwargs)
        except OSError:
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)) from None


@fault("refusal-wakes-nobody", control="trio")
class _RefusalWakesNobody(SabotagedRuntime):
    """A connect that is refused waits for ever."""

    async def connect(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return await self.inner.connect(*args, **kwargs)
        except OSError:
            await self.inner.create_event().wait()
