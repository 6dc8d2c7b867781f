"""Runtimes, groups, channels and streams that are another one but for what a fault breaks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from harness.api import Runtime

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Wrapped:
    """Whatever `inner` is; a subclass breaks a method of it."""

    def __init__(self, inner: Any, runtime: Any = None) -> None:
        self.inner = inner
        self.runtime = runtime

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def __aenter__(self) -> Any:
        await self.acquire()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.release()


class SabotagedRuntime(Wrapped):
    """A runtime that hands out broken things; each class attribute names what takes the place of what it hands out."""

    inner: Runtime
    stream: Callable[[Any, Any], Any] | None = None
    listener: Callable[[Any, Any], Any] | None = None
    sender: Callable[[Any, Any], Any] | None = None
    receiver: Callable[[Any, Any], Any] | None = None
    group: Callable[[Any, Any], Any] | None = None
    scope: Callable[[Any, Any], Any] | None = None
    lock: Callable[[Any, Any], Any] | None = None
    event: Callable[[Any, Any], Any] | None = None
    condition: Callable[[Any, Any], Any] | None = None

    async def connect(self, *args: Any, **kwargs: Any) -> Any:
        """Connect; the stream may be broken."""
        return self._wrap("stream", await self.inner.connect(*args, **kwargs))

    async def listen(self, *args: Any, **kwargs: Any) -> Any:
        """Listen; the listener, and each stream that it accepts, may be broken."""
        listener = await self.inner.listen(*args, **kwargs)
        return Accepting(self._wrap("listener", listener), self)

    def open_channel(self, capacity: int | None) -> tuple[Any, Any]:
        """Open a channel; its ends may be broken."""
        send, receive = self.inner.open_channel(capacity)
        return self._wrap("sender", send), self._wrap("receiver", receive)

    def create_lock(self) -> Any:
        """Create a lock that may be broken."""
        return self._wrap("lock", self.inner.create_lock())

    def create_event(self) -> Any:
        """Create an event that may be broken."""
        return self._wrap("event", self.inner.create_event())

    def create_condition(self) -> Any:
        """Create a condition that may be broken."""
        return self._wrap("condition", self.inner.create_condition())

    def open_task_group(self) -> Any:
        """Open a group that may be broken."""
        return self._entered("group", self.inner.open_task_group())

    def open_cancel_scope(self, **kwargs: Any) -> Any:
        """Open a scope that may be broken."""
        return self._entered("scope", self.inner.open_cancel_scope(**kwargs))

    def move_on_after(self, seconds: float) -> Any:
        """Open a scope with a time-out that may be broken."""
        return self._entered("scope", self.inner.move_on_after(seconds))

    def _wrap(self, kind: str, thing: Any) -> Any:
        wrapping = getattr(type(self), kind)
        return thing if wrapping is None else wrapping(thing, self)

    def _entered(self, kind: str, block: Any) -> Any:
        return block if getattr(type(self), kind) is None else self._enter(kind, block)

    @asynccontextmanager
    async def _enter(self, kind: str, block: Any) -> AsyncIterator[Any]:
        async with block as thing:
            yield self._wrap(kind, thing)


class Accepting(Wrapped):
    """A listener whose streams are those of a sabotaged runtime."""

    async def accept(self) -> Any:
        """Accept; the stream may be broken."""
        return self.runtime._wrap("stream", await self.inner.accept())  # noqa: SLF001 - two halves of one thing
