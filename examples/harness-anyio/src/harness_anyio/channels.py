"""Channels on `anyio.create_memory_object_stream`; `send` and `receive` are the native bound methods."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream


class SendChannel:
    """`MemoryObjectSendStream`."""

    __slots__ = ("_stream", "aclose", "send")

    def __init__(self, stream: MemoryObjectSendStream[Any]) -> None:
        self._stream = stream
        self.send: Callable[[Any], Awaitable[object]] = stream.send
        self.aclose: Callable[[], Coroutine[Any, Any, None]] = stream.aclose

    def clone(self) -> SendChannel:
        """`MemoryObjectSendStream.clone`."""
        return SendChannel(self._stream.clone())

    def buffered(self) -> int:
        """Return the number of items in the buffer."""
        return self._stream.statistics().current_buffer_used


class ReceiveChannel:
    """`MemoryObjectReceiveStream`."""

    __slots__ = ("_stream", "aclose", "receive")

    def __init__(self, stream: MemoryObjectReceiveStream[Any]) -> None:
        self._stream = stream
        self.receive: Callable[[], Awaitable[Any]] = stream.receive
        self.aclose: Callable[[], Coroutine[Any, Any, None]] = stream.aclose


def open_channel(capacity: int | None) -> tuple[SendChannel, ReceiveChannel]:
    """`anyio.create_memory_object_stream(capacity)`."""
    send, receive = anyio.create_memory_object_stream[Any](math.inf if capacity is None else capacity)
    return SendChannel(send), ReceiveChannel(receive)
