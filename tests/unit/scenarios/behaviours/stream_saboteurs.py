"""Runtimes that are healthy but for one thing that their streams do. Each wraps the runtime it is given."""

from __future__ import annotations

import errno
import os

from harness.api import ErrorKind


class Wrapped:
    """Another object, but for what a subclass breaks."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)


class Stream(Wrapped):
    """A stream of a runtime, which it knows, to wait on it."""

    def __init__(self, inner, runtime):
        super().__init__(inner)
        self.runtime = runtime
        self.state = "open"

    async def sleep_for_ever(self):
        await self.runtime.create_event().wait()

    def kind(self, exc):
        return self.runtime.classify(exc)


def with_streams(stream_class):
    """Return a wrapping of a runtime whose connections are of that class."""

    class Sabotaged(Wrapped):
        async def connect(self, *args, **kwargs):
            return stream_class(await self.inner.connect(*args, **kwargs), self.inner)

    return Sabotaged


# --- half-close ---


class DropsSends(Stream):
    """A send says that it has sent, and has not."""

    async def send_all(self, data):
        """Drop it."""


class ClosesAtEnd(Stream):
    """The peer's end of stream closes both directions."""

    async def receive_some(self, max_bytes):
        data = await self.inner.receive_some(max_bytes)
        if not data:
            await self.inner.aclose()
        return data


class ReadsGhosts(Stream):
    """Bytes come after the end of stream."""

    async def receive_some(self, max_bytes):
        return await self.inner.receive_some(max_bytes) or b"ghost"


class KeepsEnd(Stream):
    """A half-close is not sent."""

    async def send_eof(self):
        """Do nothing."""


class ClosesForEnd(Stream):
    """A half-close closes both directions."""

    async def send_eof(self):
        await self.inner.aclose()


class ResetsForEnd(Stream):
    """A half-close resets."""

    async def send_eof(self):
        await self.inner.abort()


class AcceptsAfterEnd(Stream):
    """A send after a half-close says nothing."""

    async def send_all(self, data):
        if self.state == "open":
            await self.inner.send_all(data)

    async def send_eof(self):
        self.state = "half-closed"
        await self.inner.send_eof()


class _AtSecondEnd(Stream):
    async def receive_some(self, max_bytes):
        if self.state == "at end":
            await self.at_second_end()
        data = await self.inner.receive_some(max_bytes)
        self.state = "open" if data else "at end"
        return data


class SleepsAtSecondEnd(_AtSecondEnd):
    """The second read at the end waits for more."""

    async def at_second_end(self):
        await self.sleep_for_ever()


class RaisesAtSecondEnd(_AtSecondEnd):
    """The second read at the end is an error."""

    async def at_second_end(self):
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


class LosesLastBytes(Stream):
    """The end overtakes the bytes."""

    async def receive_some(self, max_bytes):
        await self.inner.receive_some(max_bytes)
        return b""


# --- reset ---


class DropsBytesBeforeReset(Stream):
    """Reads ahead, and raises a reset before it gives what it has read."""

    async def receive_some(self, max_bytes):
        ahead = b""
        while data := await self.inner.receive_some(max_bytes):
            ahead += data
        return ahead


class _OnReset(Stream):
    async def receive_some(self, max_bytes):
        try:
            return await self.inner.receive_some(max_bytes)
        except Exception as exc:
            if self.kind(exc) is not ErrorKind.BROKEN:
                raise
            return await self.on_reset(b"")

    async def send_all(self, data):
        try:
            await self.inner.send_all(data)
        except Exception as exc:
            if self.kind(exc) is not ErrorKind.BROKEN:
                raise
            await self.on_reset(None)


class HidesReset(_OnReset):
    """A reset looks like an orderly end to a reader, and like nothing to a sender."""

    async def on_reset(self, result):
        return result


class SleepsAtReset(_OnReset):
    """Whoever waits when the peer resets waits for ever."""

    async def on_reset(self, result):
        await self.sleep_for_ever()


class BlamesNobody(_OnReset):
    """A reset raises an error that says nothing."""

    async def on_reset(self, result):
        raise RuntimeError("something went wrong")


# --- close ---


class _OnOwnClose(Stream):
    async def receive_some(self, max_bytes):
        try:
            return await self.inner.receive_some(max_bytes)
        except Exception as exc:
            if self.kind(exc) is not ErrorKind.CLOSED:
                raise
            return await self.on_own_close(b"")

    async def send_all(self, data):
        try:
            await self.inner.send_all(data)
        except Exception as exc:
            if self.kind(exc) is not ErrorKind.CLOSED:
                raise
            await self.on_own_close(None)


class SleepsAtOwnClose(_OnOwnClose):
    """Whoever waits when this side closes, or comes later, waits for ever."""

    async def on_own_close(self, result):
        await self.sleep_for_ever()


class HidesOwnClose(_OnOwnClose):
    """A send on a closed stream says that it has sent."""

    async def on_own_close(self, result):
        return result


class DiscardsAtClose(Stream):
    """Closing drops what was accepted."""

    async def aclose(self):
        await self.inner.abort()


class NeverCloses(Stream):
    """Closing waits for ever."""

    async def aclose(self):
        await self.sleep_for_ever()


class ClosesInName(Stream):
    """Closing says that it has closed, and has not."""

    async def aclose(self):
        """Do nothing."""


class ClosesOnce(Stream):
    """The second close waits for ever."""

    async def aclose(self):
        if self.state == "closed":
            await self.sleep_for_ever()
        self.state = "closed"
        await self.inner.aclose()


# --- flow ---


class DisplacesReader(Stream):
    """A second reader puts the first one to sleep for ever."""

    first = None

    async def receive_some(self, max_bytes):
        if self.first is not None:
            await self.first.cancel()
            await self.runtime.sleep(0.002)
            return await self.inner.receive_some(max_bytes)
        async with self.runtime.open_cancel_scope() as self.first:
            return await self.inner.receive_some(max_bytes)
        return await self.sleep_for_ever()


class ForgetsSecondReader(Stream):
    """A second reader is put to sleep for ever."""

    async def receive_some(self, max_bytes):
        if self.state == "being read":
            await self.sleep_for_ever()
        self.state = "being read"
        return await self.inner.receive_some(max_bytes)


class SleepsAtEveryRead(Stream):
    """A reader is never woken."""

    async def receive_some(self, max_bytes):
        await self.sleep_for_ever()


class ForgetsSecondWriter(Stream):
    """A second writer is put to sleep for ever."""

    async def send_all(self, data):
        if self.state == "being written":
            await self.sleep_for_ever()
        self.state = "being written"
        await self.inner.send_all(data)


class ClosesAtEmptySend(Stream):
    """A send of nothing is a half-close."""

    async def send_all(self, data):
        await (self.inner.send_all(data) if data else self.inner.send_eof())


class SleepsAtEmptySend(Stream):
    """A send of nothing waits for the socket to take a byte of it."""

    async def send_all(self, data):
        await (self.inner.send_all(data) if data else self.sleep_for_ever())


class HoldsSecondSend(Stream):
    """A small send behind a small send is held back, as by Nagle's algorithm and a delayed acknowledgement."""

    async def send_all(self, data):
        if self.state == "sent":
            await self.runtime.sleep(0.041)
        self.state = "open" if self.state == "sent" else "sent"
        await self.inner.send_all(data)
