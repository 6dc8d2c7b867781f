"""Channels on `trio.open_memory_channel`; `send` and `receive` are the native bound methods."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import trio


class SendChannel:
    """`trio.MemorySendChannel`."""

    __slots__ = ("_channel", "aclose", "send")

    def __init__(self, channel: trio.MemorySendChannel[Any]) -> None:
        self._channel = channel
        self.send: Callable[[Any], Awaitable[object]] = channel.send
        self.aclose: Callable[[], Coroutine[Any, Any, None]] = channel.aclose

    def clone(self) -> SendChannel:
        """`MemorySendChannel.clone`."""
        return SendChannel(self._channel.clone())

    def buffered(self) -> int:
        """Return the number of items in the buffer."""
        return self._channel.statistics().current_buffer_used


class ReceiveChannel:
    """`trio.MemoryReceiveChannel`."""

    __slots__ = ("aclose", "receive")

    def __init__(self, channel: trio.MemoryReceiveChannel[Any]) -> None:
        self.receive: Callable[[], Awaitable[Any]] = channel.receive
        self.aclose: Callable[[], Coroutine[Any, Any, None]] = channel.aclose


def open_channel(capacity: int | None) -> tuple[SendChannel, ReceiveChannel]:
    """`trio.open_memory_channel(capacity)`."""
    send, receive = trio.open_memory_channel[Any](math.inf if capacity is None else capacity)
    return SendChannel(send), ReceiveChannel(receive)
