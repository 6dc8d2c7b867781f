"""Changes to a runtime where another idiom of asyncio was requested, an option each.

The classes are put before `AsyncioRuntime` in the bases of the runtime (see `runtime_class` there), so that the default
idioms pay nothing for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from harness.api import Datagrams, Tls, UnsupportedError

from . import queues, sockets
from .gathering import GatherGroup
from .streams import AsyncioListener, listen
from .structure import AsyncioCancelScope, TaskCancelScope
from .unix import SocketUnix


class SocketCalls:
    """`io=sock`: sockets that do not block, and the loop's `sock_*` methods; no transports."""

    _loop: asyncio.AbstractEventLoop

    async def listen(
        self, host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None, reuse_port: bool = False
    ) -> sockets.SocketListener:
        """`socket.create_server`, then `loop.sock_accept`."""
        return sockets.listen(self._loop, host, port, backlog, reuse_port=reuse_port)

    async def connect(self, host: str, port: int, *, source: str | None = None) -> sockets.SocketStream:
        """`loop.sock_connect`."""
        return await sockets.connect(self._loop, host, port, source)

    def tls(self) -> Tls:
        """Refuse: an `SSLSocket` wants another order of reads and writes than `sock_recv` and `sock_sendall` make."""
        raise UnsupportedError("loop.sock_* methods take no SSLSocket")

    def datagrams(self) -> Datagrams:
        """Return endpoints on `loop.sock_sendto` and `loop.sock_recvfrom`."""
        return sockets.SocketEndpoints(self._loop)

    def unix(self) -> SocketUnix:
        """Bind, listen, `loop.sock_accept` and `loop.sock_connect`."""
        return SocketUnix(self._loop)


class WaitFor:
    """`timeout=wait_for`. It takes an awaitable; blocks (`fail_after`, `move_on_after`) stay a `timeout`."""

    async def run_with_timeout(self, seconds: float, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        """`asyncio.wait_for(fn(*args), seconds)`."""
        return await asyncio.wait_for(fn(*args), seconds)


class Gather:
    """`group=gather`."""

    def open_task_group(self) -> GatherGroup:
        """Tasks for `asyncio.gather`."""
        return GatherGroup()


class TaskCancel:
    """`cancel=task`. A scope with a deadline stays a `timeout`."""

    def open_cancel_scope(
        self, *, deadline: float | None = None, shield: bool = False
    ) -> AsyncioCancelScope | TaskCancelScope:
        """`Task.cancel`, which is seen at the next wait; that of a `Timeout` comes a turn of the loop later."""
        if shield:
            raise UnsupportedError("asyncio cannot shield a block: asyncio.shield protects an awaitable")
        return TaskCancelScope() if deadline is None else AsyncioCancelScope(deadline)


class PlainQueue:
    """`channel=queue`."""

    def open_channel(self, capacity: int | None) -> tuple[queues.QueueSender, queues.QueueReceiver]:
        """`asyncio.Queue(capacity)`, as it is."""
        return queues.open_queue(capacity)


class Executor:
    """`offload=executor`."""

    _loop: asyncio.AbstractEventLoop

    async def run_in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        """`loop.run_in_executor(None, fn, *args)`, which leaves the context variables behind."""
        return await self._loop.run_in_executor(None, partial(fn, *args))


class WaitingListener(AsyncioListener):
    """A listener that is closed as `async with server` closes one."""

    __slots__ = ()

    async def aclose(self) -> None:
        """`Server.close`, then `Server.wait_closed`."""
        await super().aclose()
        await self.wait_closed()


class WaitClosed:
    """`close=wait`."""

    async def listen(
        self, host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None, reuse_port: bool = False
    ) -> AsyncioListener:
        """`asyncio.start_server`, whose end is waited for."""
        return await listen(host, port, backlog=backlog, reuse_port=reuse_port, kind=WaitingListener)


IDIOMS: dict[tuple[str, str], type] = {
    ("io", "sock"): SocketCalls,
    ("timeout", "wait_for"): WaitFor,
    ("group", "gather"): Gather,
    ("cancel", "task"): TaskCancel,
    ("channel", "queue"): PlainQueue,
    ("offload", "executor"): Executor,
    ("close", "wait"): WaitClosed,
}
"""(option, value) → its effect. A value that is not here is the default."""
