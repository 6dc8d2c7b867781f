"""Faults of TLS: closes and their ends, handshakes, upgrades, and bytes."""

from __future__ import annotations

from contextlib import suppress
from ssl import CERT_NONE
from typing import Any, ClassVar

from harness.api import BrokenResourceError
from harness.testing.wrapping import Part, Tls, TlsStream

from .faults import fault


def breaks_streams(stream: type[Part]) -> type[Tls]:
    """Return what hands out broken streams."""
    return type(stream.__name__, (Tls,), {"stream": stream, "__doc__": stream.__doc__, "__module__": stream.__module__})


# --- closes ---


class _ReadsOn(TlsStream):
    """Closing a TLS stream waits for the end of the peer, and reads until then."""

    async def aclose(self) -> None:
        with suppress(OSError):
            while await self.inner.receive_some(1 << 16):
                pass
        await self.inner.aclose()


class _InName(TlsStream):
    """Closing a TLS stream leaves it open."""

    async def aclose(self) -> None:
        self.runtime.left_open.append(self.inner)


class _CloseHangs(TlsStream):
    """Closing a TLS stream never returns."""

    async def aclose(self) -> None:
        await self.sleep_for_ever()


class _CloseDiscards(TlsStream):
    """The last bytes that were sent over TLS are dropped by the close."""

    held = b""

    async def send_all(self, data: bytes) -> None:
        held, self.held = self.held, data
        if held:
            await self.inner.send_all(held)


class _EndRaises(TlsStream):
    """The end of TLS is an error."""

    async def receive_some(self, max_bytes: int) -> bytes:
        data: bytes = await self.inner.receive_some(max_bytes)
        if not data:
            raise BrokenResourceError
        return data


class _EndHangs(TlsStream):
    """A read at the end of TLS waits for ever."""

    async def receive_some(self, max_bytes: int) -> bytes:
        data: bytes = await self.inner.receive_some(max_bytes)
        if not data:
            await self.sleep_for_ever()
        return data


class _TruncationHangs(TlsStream):
    """A read of a TLS stream that was cut off waits for ever."""

    async def receive_some(self, max_bytes: int) -> bytes:
        try:
            data: bytes = await self.inner.receive_some(max_bytes)
        except Exception:  # noqa: BLE001 - whatever it is
            await self.sleep_for_ever()
        return data


class _HalfCloseInName(TlsStream):
    """A half-close of a TLS stream does nothing."""

    async def send_eof(self) -> None:
        pass


# --- handshakes ---


class _EarlyAbort(TlsStream):
    """A TLS stream is not closed before its handshake was made."""

    async def do_handshake(self) -> None:
        await self.inner.do_handshake()
        self.state = "behind the handshake"

    async def abort(self) -> None:
        if self.state == "open":
            self.runtime.left_open.append(self.inner)
        else:
            await self.inner.abort()


class _EarlyCloseRaises(_EarlyAbort):
    """A TLS stream whose handshake was not made cannot be closed."""

    async def aclose(self) -> None:
        if self.state == "open":
            raise RuntimeError("the handshake was not made")
        await self.inner.aclose()


class _NoProtocol(TlsStream):
    """The agreed application protocol is not reported."""

    def selected_alpn_protocol(self) -> None:
        pass


@fault("tls-name-unchecked")
class _NameUnchecked(Tls):
    """The name in a certificate is not compared."""

    async def connect_tls(self, host: str, port: int, context: Any, **options: Any) -> Any:
        context.check_hostname = False
        return await super().connect_tls(host, port, context, **options)


@fault("tls-any-authority-trusted")
class _AnyAuthorityTrusted(Tls):
    """A certificate of any authority is trusted."""

    async def connect_tls(self, host: str, port: int, context: Any, **options: Any) -> Any:
        context.check_hostname, context.verify_mode = False, CERT_NONE
        return await super().connect_tls(host, port, context, **options)


@fault("tls-failed-handshake-hangs")
class _FailedHandshakeHangs(Tls):
    """A connect whose handshake has failed waits for ever."""

    async def connect_tls(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().connect_tls(*args, **options)
        except OSError:
            await self.sleep_for_ever()


@fault("tls-accept-dies-of-a-bad-client", control="trio")
class _AcceptDies(Tls):
    """A handshake that fails stops a TLS listener for ever."""

    async def accept(self, listener: Any) -> Any:
        stream = await listener.accept()
        try:
            await stream.do_handshake()
        except Exception:  # noqa: BLE001 - whatever it is
            await self.sleep_for_ever()
        return stream


@fault("tls-asks-for-another-name")
class _AsksForAnotherName(Tls):
    """The server is asked for another name than the one that was given."""

    async def connect_tls(self, *args: Any, server_hostname: str) -> Any:
        del server_hostname
        return await super().connect_tls(*args, server_hostname="two.test")


@fault("tls-listener-offers-no-protocol")
class _ListenerOffersNoProtocol(Tls):
    """A TLS listener takes part in no agreement about an application protocol."""

    async def listen_tls(self, context: Any, *args: Any, **options: Any) -> Any:
        context.set_alpn_protocols(["none"])
        return await super().listen_tls(context, *args, **options)


# --- upgrades ---


class _Prefixed(TlsStream):
    early = b""

    async def receive_some(self, max_bytes: int) -> bytes:
        if self.early:
            data, self.early = self.early[:max_bytes], self.early[max_bytes:]
            return data
        found: bytes = await self.inner.receive_some(max_bytes)
        return found


@fault("tls-upgrade-keeps-plain-bytes", control="threads")
class _KeepsPlainBytes(Tls):
    """Bytes that came in plain text before TLS began are read as if they had been encrypted."""

    stream = _Prefixed

    async def start_tls(self, stream: Any, *args: Any, **options: Any) -> Any:
        early = b""
        async with self.healthy.move_on_after(0.002):
            early = await stream.receive_some(1000)
        upgraded = await super().start_tls(stream, *args, **options)
        upgraded.early = early
        return upgraded


@fault("tls-upgraded-close-hangs")
class _UpgradedCloseHangs(Tls):
    """Closing a stream on which TLS began later never returns."""

    async def start_tls(self, *args: Any, **options: Any) -> Any:
        return _CloseHangs((await super().start_tls(*args, **options)).inner, self.runtime)


# --- bytes ---


class _SecondHandshakeRaises(TlsStream):
    """A handshake that was made cannot be asked for again."""

    async def do_handshake(self) -> None:
        if self.state == "behind the handshake":
            raise RuntimeError("the handshake was made")
        await self.inner.do_handshake()
        self.state = "behind the handshake"


class _ReadExceeds(TlsStream):
    """A read over TLS returns all that has come, whatever its limit."""

    async def receive_some(self, max_bytes: int) -> bytes:
        del max_bytes
        data: bytes = await self.inner.receive_some(1 << 16)
        return data


class _CloseForgetsReader(TlsStream):
    """A read that waits as its own side closes the TLS stream waits for ever."""

    async def receive_some(self, max_bytes: int) -> bytes:
        try:
            data: bytes = await self.inner.receive_some(max_bytes)
        finally:
            if self.state == "closed":
                await self.sleep_for_ever()
        return data

    async def aclose(self) -> None:
        self.state = "closed"
        await self.inner.aclose()


class _AbortInName(TlsStream):
    """Aborting a TLS stream leaves it open."""

    async def abort(self) -> None:
        self.runtime.left_open.append(self.inner)


class _CloseBehindTheEndHangs(TlsStream):
    """A TLS stream whose peer has ended cannot be closed."""

    async def receive_some(self, max_bytes: int) -> bytes:
        data: bytes = await self.inner.receive_some(max_bytes)
        self.state = "open" if data else "ended"
        return data

    async def aclose(self) -> None:
        await (self.inner.aclose() if self.state == "open" else self.sleep_for_ever())


class _RestWaits(TlsStream):
    """Decrypted bytes that a read has left over are returned when more has come."""

    _rest = b""

    async def receive_some(self, max_bytes: int) -> bytes:
        found: bytes = self._rest + await self.inner.receive_some(1 << 16)
        self._rest = found[max_bytes:]
        return found[:max_bytes]


class _ReadBlocksSends(TlsStream):
    """A send over TLS waits for the read that waits."""

    def __init__(self, inner: Any, runtime: Any) -> None:
        super().__init__(inner, runtime)
        self._lock = self.healthy.create_lock()

    async def receive_some(self, max_bytes: int) -> bytes:
        async with self._lock:
            data: bytes = await self.inner.receive_some(max_bytes)
        return data

    async def send_all(self, data: bytes) -> None:
        async with self._lock:
            await self.inner.send_all(data)


class _SendNeverWaits(TlsStream):
    """A send over TLS that would wait returns, and keeps the bytes."""

    def __init__(self, inner: Any, runtime: Any) -> None:
        super().__init__(inner, runtime)
        self._kept: list[bytes] = []

    async def send_all(self, data: bytes) -> None:
        if not self._kept:
            async with self.healthy.move_on_after(0.002):
                await self.inner.send_all(data)
                return
        self._kept.append(data)
        await self.healthy.checkpoint()


class _LargeSendTruncated(TlsStream):
    """More bytes than a record holds are cut to one record."""

    async def send_all(self, data: bytes) -> None:
        await self.inner.send_all(data[: 1 << 14])


class _CancelledReadDrops(TlsStream):
    """A read that is cancelled takes the bytes with it that it waited for."""

    async def receive_some(self, max_bytes: int) -> bytes:
        if self.state == "cancelled":
            self.state = "open"
            await self.inner.receive_some(max_bytes)
        try:
            data: bytes = await self.inner.receive_some(max_bytes)
        except BaseException:
            self.state = "cancelled"
            raise
        return data


class _CancelledReadBreaks(TlsStream):
    """A stream whose read was cancelled cannot be read any more."""

    async def receive_some(self, max_bytes: int) -> bytes:
        if self.state == "cancelled":
            raise BrokenResourceError
        try:
            data: bytes = await self.inner.receive_some(max_bytes)
        except BaseException:
            self.state = "cancelled"
            raise
        return data


class _CancelledSendMixes(TlsStream):
    """The send behind one that was cancelled begins with bytes that were not sent."""

    async def send_all(self, data: bytes) -> None:
        before = b"?" if self.state == "cancelled" else b""
        try:
            await self.inner.send_all(before + data)
        except BaseException:
            self.state = "cancelled"
            raise


class _CancelledSendEndsReading(TlsStream):
    """A stream whose send was cancelled cannot be read any more."""

    async def send_all(self, data: bytes) -> None:
        try:
            await self.inner.send_all(data)
        except BaseException:
            self.state = "cut"
            raise

    async def receive_some(self, max_bytes: int) -> bytes:
        if self.state == "cut":
            raise BrokenResourceError
        data: bytes = await self.inner.receive_some(max_bytes)
        return data


class _Mixed(TlsStream):
    """A connection sends the bytes of the one before."""

    last: ClassVar[bytes] = b""

    async def send_all(self, data: bytes) -> None:
        _Mixed.last, before = data, _Mixed.last or data
        await self.inner.send_all(before)


for _name, _stream, _control in (
    ("tls-close-reads-on", _ReadsOn, "asyncio"),
    ("tls-close-in-name", _InName, "asyncio"),
    ("tls-close-hangs", _CloseHangs, "asyncio"),
    ("tls-close-discards", _CloseDiscards, "asyncio"),
    ("tls-end-raises", _EndRaises, "asyncio"),
    ("tls-end-hangs", _EndHangs, "trio"),
    ("tls-truncation-hangs", _TruncationHangs, "trio"),
    ("tls-half-close-in-name", _HalfCloseInName, "asyncio"),
    ("tls-abort-before-handshake-does-nothing", _EarlyAbort, "trio"),
    ("tls-close-before-handshake-raises", _EarlyCloseRaises, "trio"),
    ("tls-alpn-unknown", _NoProtocol, "asyncio"),
    ("tls-second-handshake-raises", _SecondHandshakeRaises, "trio"),
    ("tls-read-exceeds-its-limit", _ReadExceeds, "asyncio"),
    ("tls-close-forgets-reader", _CloseForgetsReader, "trio"),
    ("tls-abort-in-name", _AbortInName, "threads"),
    ("tls-close-behind-the-end-hangs", _CloseBehindTheEndHangs, "trio"),
    ("tls-rest-of-a-record-waits", _RestWaits, "threads"),
    ("tls-read-blocks-sends", _ReadBlocksSends, "asyncio"),
    ("tls-send-never-waits", _SendNeverWaits, "asyncio"),
    ("tls-large-send-truncated", _LargeSendTruncated, "asyncio"),
    ("tls-cancelled-read-drops", _CancelledReadDrops, "trio"),
    ("tls-cancelled-read-breaks", _CancelledReadBreaks, "asyncio"),
    ("tls-cancelled-send-mixes", _CancelledSendMixes, "asyncio"),
    ("tls-cancelled-send-ends-reading", _CancelledSendEndsReading, "asyncio"),
    ("tls-connections-mixed", _Mixed, "asyncio"),
):
    fault(_name, control=_control)(breaks_streams(_stream))
