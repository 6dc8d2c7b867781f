"""Faults of UDP endpoints."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

from harness.api import classify_common
from harness.api.datagrams import LARGEST
from harness.testing.wrapping import Datagrams, Endpoint

from .faults import fault

_LARGE = 30_000

# --- sent datagrams ---


@fault("empty-datagram-is-not-sent", control="trio")
class _EmptyIsNotSent(Endpoint):
    """An empty datagram is not sent."""

    async def send_to(self, data: bytes, address: Any = None) -> None:
        if data:
            await self.inner.send_to(data, address)


@fault("large-datagram-is-lost")
class _LargeIsLost(Endpoint):
    """A datagram of more than 30,000 bytes is not sent, and no error is seen."""

    async def send_to(self, data: bytes, address: Any = None) -> None:
        if not _LARGE < len(data) <= LARGEST:
            await self.inner.send_to(data, address)


@fault("datagrams-out-of-order")
class _OutOfOrder(Endpoint):
    """The third datagram is sent after the fourth."""

    def __init__(self, inner: Any, runtime: Any) -> None:
        super().__init__(inner, runtime)
        self._sent = 0
        self._held: Any = None

    async def send_to(self, data: bytes, address: Any = None) -> None:
        self._sent += 1
        if self._sent == 3:
            self._held = (data, address)
            return
        await self.inner.send_to(data, address)
        if self._held is not None:
            held, self._held = self._held, None
            await self.inner.send_to(*held)


@fault("datagram-arrives-twice")
class _ArrivesTwice(Endpoint):
    """The tenth datagram is sent twice."""

    sent = 0

    async def send_to(self, data: bytes, address: Any = None) -> None:
        self.sent += 1
        for _ in range(2 if self.sent == 10 else 1):
            await self.inner.send_to(data, address)


@fault("datagram-goes-to-another-address")
class _GoesToAnotherAddress(Endpoint):
    """Every datagram goes to the address of the first one."""

    def __init__(self, inner: Any, runtime: Any) -> None:
        super().__init__(inner, runtime)
        self._addresses = runtime.__dict__.setdefault("addresses", [])

    async def send_to(self, data: bytes, address: Any = None) -> None:
        if address is not None:
            self._addresses.append(address)
            address = self._addresses[0]
        await self.inner.send_to(data, address)


@fault("send-while-a-receive-waits-is-lost")
class _LostWhileAReceiveWaits(Endpoint):
    """A datagram that is sent while a task receives from the endpoint is lost."""

    waiting = 0

    async def receive_from(self, max_bytes: int = 65_536) -> Any:
        self.waiting += 1
        try:
            return await self.inner.receive_from(max_bytes)
        finally:
            self.waiting -= 1

    async def send_to(self, data: bytes, address: Any = None) -> None:
        if not self.waiting:
            await self.inner.send_to(data, address)


@fault("cancelled-datagram-is-sent", control="trio")
class _CancelledIsSent(Endpoint):
    """A send that is cancelled has sent its datagram."""

    async def send_to(self, data: bytes, address: Any = None) -> None:
        try:
            await self.inner.send_to(data, address)
        except BaseException as exc:
            if self.healthy.is_cancelled(exc):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                    sock.sendto(data, address)
            raise


@fault("address-is-ignored-if-connected", control="trio")
class _AddressIsIgnored(Datagrams):
    """A connected endpoint sends everything to its peer."""

    async def open_endpoint(self, *args: Any, **kwargs: Any) -> Any:
        opened = await self.inner.open_endpoint(*args, **kwargs)
        return opened if kwargs.get("peer") is None else _ToItsPeer(opened, self.runtime)


class _ToItsPeer(Endpoint):
    async def send_to(self, data: bytes, address: Any = None) -> None:
        del address
        await self.inner.send_to(data)


# --- received datagrams ---


@fault("empty-datagram-is-not-received")
class _EmptyIsNotReceived(Endpoint):
    """An empty datagram is dropped by its receiver."""

    async def receive_from(self, max_bytes: int = 65_536) -> Any:
        while not (received := await self.inner.receive_from(max_bytes))[0]:
            pass
        return received


@fault("largest-datagram-is-cut")
class _LargestIsCut(Endpoint):
    """The largest datagram loses its last byte as it is received."""

    async def receive_from(self, max_bytes: int = 65_536) -> Any:
        data, sender = await self.inner.receive_from(max_bytes)
        return data[: LARGEST - 1], sender


@fault("datagrams-are-merged")
class _Merged(Endpoint):
    """The first two datagrams of an endpoint are received as one."""

    is_first = True

    async def receive_from(self, max_bytes: int = 65_536) -> Any:
        data, sender = await self.inner.receive_from(max_bytes)
        if self.is_first:
            self.is_first = False
            data += (await self.inner.receive_from(max_bytes))[0]
        return data, sender


@fault("sender-is-the-first-one")
class _SenderIsTheFirst(Endpoint):
    """Every datagram comes with the address of the first sender."""

    first: Any = None

    async def receive_from(self, max_bytes: int = 65_536) -> Any:
        data, sender = await self.inner.receive_from(max_bytes)
        self.first = self.first or sender
        return data, self.first


@fault("connected-endpoint-hears-strangers")
class _HearsStrangers(Datagrams):
    """An endpoint with a peer sends there, and receives from everywhere."""

    async def open_endpoint(self, *args: Any, peer: Any = None, **kwargs: Any) -> Any:
        opened = await self.inner.open_endpoint(*args, **kwargs)
        if peer is None:
            return opened

        class Bound(Endpoint):
            async def send_to(self, data: bytes, address: Any = None) -> None:
                await self.inner.send_to(data, address or peer)

        return Bound(opened, self.runtime)


@fault("rest-of-a-datagram-follows", control="trio")
class _RestFollows(Endpoint):
    """What did not fit is returned by the next receive, as from a stream."""

    rest: Any = (b"", None)

    async def receive_from(self, max_bytes: int = 65_536) -> Any:
        data, sender = self.rest if self.rest[0] else await self.inner.receive_from(65_536)
        self.rest = data[max_bytes:], sender
        return data[:max_bytes], sender


@fault("overflow-stops-the-endpoint", control="trio")
class _OverflowStops(Endpoint):
    """An endpoint that has received more than eighty datagrams receives no more."""

    received = 0

    async def receive_from(self, max_bytes: int = 65_536) -> Any:
        if self.received > 80:
            await self.sleep_for_ever()
        received = await self.inner.receive_from(max_bytes)
        self.received += 1
        return received


@fault("newest-datagram-replaces-the-oldest")
class _NewestReplaces(Endpoint):
    """An endpoint keeps the newest twenty datagrams that it has not given out."""

    def __init__(self, inner: Any, runtime: Any) -> None:
        super().__init__(inner, runtime)
        self._kept: list[Any] = []

    async def receive_from(self, max_bytes: int = 65_536) -> Any:
        if not self._kept:
            self._kept.append(await self.inner.receive_from(max_bytes))
            async with self.healthy.move_on_after(0.001):
                while True:
                    self._kept.append(await self.inner.receive_from(max_bytes))
            del self._kept[:-20]
        return self._kept.pop(0)


@fault("cancelled-receive-takes-the-datagram")
class _CancelledTakes(Endpoint):
    """A receive that is cancelled takes the next datagram with it."""

    taken = False

    async def receive_from(self, max_bytes: int = 65_536) -> Any:
        if self.taken:
            self.taken = False
            await self.inner.receive_from(max_bytes)
        try:
            return await self.inner.receive_from(max_bytes)
        except BaseException as exc:
            self.taken = self.healthy.is_cancelled(exc)
            raise


@fault("timed-out-receive-takes-the-datagram", control="trio")
class _TimedOutTakes(_CancelledTakes):
    """A receive that times out takes the next datagram with it."""


@fault("receive-behind-a-cancelled-one-forgotten")
class _BehindACancelledOne(Endpoint):
    """A receive that waits behind one that is cancelled is never woken."""

    def __init__(self, inner: Any, runtime: Any) -> None:
        super().__init__(inner, runtime)
        self._waiting: list[object] = []
        self._forgotten: set[object] = set()

    async def receive_from(self, max_bytes: int = 65_536) -> Any:
        here = object()
        self._waiting.append(here)
        try:
            received = await self.inner.receive_from(max_bytes)
            if here in self._forgotten:
                await self.sleep_for_ever()
        except BaseException as exc:
            if self.healthy.is_cancelled(exc):
                self._forgotten.update(self._waiting[self._waiting.index(here) + 1 :][:1])
            raise
        finally:
            self._waiting.remove(here)
        return received


@fault("datagram-reaches-every-receive")
class _ReachesEveryReceive(Endpoint):
    """A datagram is given to two of the tasks that receive, if there are several."""

    waiting = 0
    again: Any = None

    async def receive_from(self, max_bytes: int = 65_536) -> Any:
        if self.again is not None:
            again, self.again = self.again, None
            return again
        self.waiting += 1
        try:
            received = await self.inner.receive_from(max_bytes)
        finally:
            self.waiting -= 1
        if self.waiting:
            self.again = received
        return received


# --- errors ---


@fault("error-of-a-send-unseen")
class _ErrorUnseen(Endpoint):
    """An error of a send is neither raised nor reported."""

    async def send_to(self, data: bytes, address: Any = None) -> None:
        with suppress(OSError):
            await self.inner.send_to(data, address)

    def reported(self) -> tuple[Exception, ...]:
        return ()


@fault("failed-send-kills-the-endpoint", control="trio")
class _FailedSendKills(Endpoint):
    """A send that fails closes its endpoint."""

    async def send_to(self, data: bytes, address: Any = None) -> None:
        try:
            await self.inner.send_to(data, address)
        except OSError:
            await self.inner.aclose()
            raise


@fault("refusal-kills-the-endpoint", control="trio")
class _RefusalKills(Endpoint):
    """An endpoint that was told of a closed port sends nothing more."""

    is_dead = False

    async def send_to(self, data: bytes, address: Any = None) -> None:
        try:
            if not self.is_dead:
                await self.inner.send_to(data, address)
        except ConnectionRefusedError:
            self.is_dead = True
            raise


# --- the end ---


@fault("close-wakes-no-receive", control="trio")
class _CloseWakesNone(Endpoint):
    """A receive whose endpoint is closed waits on."""

    async def receive_from(self, max_bytes: int = 65_536) -> Any:
        try:
            return await self.inner.receive_from(max_bytes)
        except Exception as exc:
            if self.kind_of(exc).value == "closed":
                await self.sleep_for_ever()
            raise


@fault("close-wakes-the-first-receive-only")
class _CloseWakesTheFirst(_CloseWakesNone):
    """Closing an endpoint wakes one of the tasks that receive."""

    woken = 0

    async def sleep_for_ever(self) -> None:
        self.woken += 1
        if self.woken > 1:
            await super().sleep_for_ever()


@fault("closed-endpoint-sends", control="trio")
class _ClosedSends(Endpoint):
    """An endpoint that was closed still sends."""

    async def send_to(self, data: bytes, address: Any = None) -> None:
        try:
            await self.inner.send_to(data, address)
        except OSError as exc:
            if classify_common(exc).value != "closed" or address is None:
                raise
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.sendto(data, address)


@fault("receive-after-close-waits")
class _ReceiveAfterCloseWaits(Endpoint):
    """A receive from a closed endpoint never ends."""

    is_closed = False

    async def aclose(self) -> None:
        self.is_closed = True
        await self.inner.aclose()

    async def receive_from(self, max_bytes: int = 65_536) -> Any:
        if self.is_closed:
            await self.sleep_for_ever()
        return await self.inner.receive_from(max_bytes)


@fault("second-endpoint-takes-the-address", control="trio")
class _SecondTakesTheAddress(Datagrams):
    """An address in use is no error: the second endpoint has it, or says so."""

    async def open_endpoint(self, host: str = "127.0.0.1", port: int = 0, *, peer: Any = None) -> Any:
        try:
            return await self.inner.open_endpoint(host, port, peer=peer)
        except OSError:
            return await self.inner.open_endpoint(host, 0, peer=peer)


@fault("closed-endpoint-stays-open", control="trio")
class _ClosedStaysOpen(Endpoint):
    """An endpoint is closed in name only."""

    async def aclose(self) -> None:
        self.runtime.left_open.append(self.inner)


@fault("failed-open-keeps-its-socket")
class _FailedOpenKeepsItsSocket(Datagrams):
    """An endpoint that cannot be opened leaves its socket behind."""

    async def open_endpoint(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super().open_endpoint(*args, **kwargs)
        except OSError:
            self.runtime.left_open.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            raise


@fault("close-ends-another-endpoint")
class _CloseEndsAnother(Datagrams):
    """Closing an endpoint closes the one that was opened after it."""

    def __init__(self, inner: Any, runtime: Any) -> None:
        super().__init__(inner, runtime)
        runtime.open_endpoints = runtime.__dict__.get("open_endpoints", [])

    async def open_endpoint(self, *args: Any, **kwargs: Any) -> Any:
        opened = _EndsTheNext(await self.inner.open_endpoint(*args, **kwargs), self.runtime)
        self.runtime.open_endpoints.append(opened)
        return opened


class _EndsTheNext(Endpoint):
    async def aclose(self) -> None:
        others = self.runtime.open_endpoints
        if self in others:
            position = others.index(self)
            others.remove(self)
            for later in others[position : position + 1]:
                await later.inner.aclose()
        await self.inner.aclose()
