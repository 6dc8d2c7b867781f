"""Small buffers of every socket that a scenario opens, so that partial reads and writes are the rule."""

from __future__ import annotations

import socket
from typing import Any, cast

from harness.api import Perturbation, Runtime

from .sizes import parse_size


def narrow_send_buffers(runtime: Runtime, value: str) -> Runtime:
    """Return the runtime with small send buffers."""
    return cast("Runtime", _NarrowSockets(runtime, socket.SO_SNDBUF, int(value)))


def narrow_receive_buffers(runtime: Runtime, value: str) -> Runtime:
    """Return the runtime with small receive buffers."""
    return cast("Runtime", _NarrowSockets(runtime, socket.SO_RCVBUF, int(value)))


class _NarrowSockets:
    """A runtime whose sockets have a buffer of a given size, whichever way it opens them."""

    def __init__(self, runtime: Runtime, option: int, size_bytes: int) -> None:
        self._runtime = runtime
        self._option = option
        self._size_bytes = size_bytes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)

    async def connect(self, *args: Any, **kwargs: Any) -> Any:
        """Connect, and narrow the socket."""
        stream = await self._runtime.connect(*args, **kwargs)
        self._narrow()
        return stream

    async def listen(self, *args: Any, **kwargs: Any) -> Any:
        """Listen. Connections inherit the buffers of the listening socket."""
        listener = await self._runtime.listen(*args, **kwargs)
        self._narrow()
        return listener

    def _narrow(self) -> None:
        from .posix import open_sockets, set_socket_option

        # A runtime does not say which fd it opened.
        for fd in open_sockets():
            set_socket_option(fd, self._option, self._size_bytes)


SEND_BUFFER = Perturbation(
    name="sndbuf",
    value="=SIZE",
    summary="send buffer of every socket, e.g. 4k",
    parse=parse_size,
    in_worker=f"{__name__}:narrow_send_buffers",
)
RECEIVE_BUFFER = Perturbation(
    name="rcvbuf",
    value="=SIZE",
    summary="receive buffer of every socket, e.g. 4k",
    parse=parse_size,
    in_worker=f"{__name__}:narrow_receive_buffers",
)
