"""Faults of channels: items that are lost, doubled, too many or late, and ends that are not told."""

from __future__ import annotations

from itertools import count
from typing import Any

from harness.api import EndOfChannel, ErrorKind
from harness.testing.wrapping import Receiver, SabotagedRuntime, Sender

from .faults import fault

_BATCH = 50
"""After so many items a fault that needs some use shows itself."""

# --- items ---


class _CountingSender(Sender):
    def __init__(self, inner: Any, runtime: SabotagedRuntime) -> None:
        super().__init__(inner, runtime)
        self.numbers = count(1)


@fault("item-lost")
class _ItemLost(_CountingSender):
    """The second item of a sender does not arrive."""

    async def send(self, item: Any) -> None:
        if next(self.numbers) != 2:
            await self.inner.send(item)


@fault("item-sent-twice")
class _ItemSentTwice(_CountingSender):
    """The second item of a sender arrives twice."""

    async def send(self, item: Any) -> None:
        await self.inner.send(item)
        if next(self.numbers) == 2:
            await self.inner.send(item)


@fault("item-received-twice")
class _ItemReceivedTwice(Receiver):
    """The first item of a channel is received twice."""

    received = 0
    first: Any = None

    async def receive(self) -> Any:
        self.received += 1
        if self.received == 2:
            return self.first
        item = await self.inner.receive()
        if self.received == 1:
            self.first = item
        return item


@fault("order-broken")
class _OrderBroken(_CountingSender):
    """The second and the third item of a sender arrive in the other order."""

    held: Any = None

    async def send(self, item: Any) -> None:
        number = next(self.numbers)
        if number == 2:
            self.held = item
            return
        await self.inner.send(item)
        if number == 3:
            await self.inner.send(self.held)


@fault("item-from-nowhere")
class _ItemFromNowhere(Receiver):
    """The first receive returns an item that was never sent."""

    invented = False

    async def receive(self) -> Any:
        if self.invented:
            return await self.inner.receive()
        self.invented = True
        return 0


@fault("wake-up-lost")
class _WakeUpLost(Receiver):
    """A receive is not woken, once."""

    received = 0

    async def receive(self) -> Any:
        self.received += 1
        if self.received == _BATCH:
            await self.sleep_for_ever()
        return await self.inner.receive()


# --- cancellation ---


@fault("cancelled-receive-drops")
class _CancelledReceiveDrops(Receiver):
    """A receive that is cancelled has taken its item."""

    async def receive(self) -> Any:
        item = await self.inner.receive()
        await self.healthy.checkpoint()
        return item


@fault("cancelled-send-sends")
class _CancelledSendSends(Sender):
    """A send that is cancelled has sent its item."""

    async def send(self, item: Any) -> None:
        await self.inner.send(item)
        await self.healthy.checkpoint()


# --- capacity ---


@fault("channel-without-limit")
class _ChannelWithoutLimit(SabotagedRuntime):
    """Every channel is unbounded, whatever its capacity."""

    def open_channel(self, capacity: int | None) -> tuple[Any, Any]:
        del capacity
        return self.inner.open_channel(None)


@fault("channel-takes-one-more")
class _ChannelTakesOneMore(SabotagedRuntime):
    """Every channel holds one item more than its capacity."""

    def open_channel(self, capacity: int | None) -> tuple[Any, Any]:
        return self.inner.open_channel(capacity if capacity is None else capacity + 1)


@fault("unbounded-has-a-limit")
class _UnboundedHasALimit(SabotagedRuntime):
    """A channel without a limit holds a hundred items and no more."""

    def open_channel(self, capacity: int | None) -> tuple[Any, Any]:
        return self.inner.open_channel(100 if capacity is None else capacity)


# --- closing ---


@fault("sender-never-closes")
class _SenderNeverCloses(Sender):
    """Closing the last sender does not end the receivers."""

    async def aclose(self) -> None:
        pass


@fault("close-sends-an-item")
class _CloseSendsAnItem(Sender):
    """Closing a sender sends one more item."""

    async def aclose(self) -> None:
        await self.inner.send("ghost")
        await self.inner.aclose()


class SharedSender(Sender):
    """A sender that knows its clones."""

    def __init__(self, inner: Any, runtime: SabotagedRuntime) -> None:
        super().__init__(inner, runtime)
        self.family: list[Any] = [self]
        """A sender and its clones."""

    def clone(self) -> Sender:
        """Return another sender of the same family."""
        clone = type(self)(self.inner.clone(), self.runtime)
        clone.family = self.family
        self.family.append(clone)
        return clone


@fault("close-counted-twice")
class _CloseCountedTwice(SharedSender):
    """The second close of a sender is taken for that of another one."""

    closed = False

    async def aclose(self) -> None:
        await self.inner.aclose()
        if self.closed:
            for sender in self.family:
                await sender.inner.aclose()
        self.closed = True


@fault("closed-send-succeeds")
class _ClosedSendSucceeds(Sender):
    """A send that waits when its sender is closed returns as if it had sent."""

    async def send(self, item: Any) -> None:
        try:
            await self.inner.send(item)
        except Exception as exc:
            if self.kind_of(exc) is not ErrorKind.CLOSED:
                raise


class _HidingSender(Sender):
    async def send(self, item: Any) -> None:
        try:
            await self.inner.send(item)
        except Exception as exc:
            if self.kind_of(exc) is ErrorKind.CLOSED:
                self.runtime.hidden.append(item)
            raise


class _FindingReceiver(Receiver):
    async def receive(self) -> Any:
        try:
            return await self.inner.receive()
        except Exception as exc:
            if self.runtime.hidden and self.kind_of(exc) is ErrorKind.END_OF_CHANNEL:
                return self.runtime.hidden.pop()
            raise


@fault("failed-send-delivers")
class _FailedSendDelivers(SabotagedRuntime):
    """A send that waits when its sender is closed raises, and its item arrives all the same."""

    sender = _HidingSender
    receiver = _FindingReceiver

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.hidden: list[Any] = []


@fault("end-before-items")
class _EndBeforeItems(Receiver):
    """A receiver ends after three items, though there are more."""

    received = 0

    async def receive(self) -> Any:
        self.received += 1
        if self.received > 3:
            raise EndOfChannel
        return await self.inner.receive()
