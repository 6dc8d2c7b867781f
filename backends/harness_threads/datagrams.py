"""Datagrams: plain blocking sockets, polled beside the bell of a task that stands in a cancel scope, as streams are."""

from __future__ import annotations

import errno
import os
import select
import socket
from collections.abc import Callable, Sequence
from typing import TypeVar

from harness.api.datagrams import Address

from .scopes import here
from .streams import family_of, shut_down, wait_for_socket

Result = TypeVar("Result")


class DatagramEndpoint:
    """A UDP socket. Errors are raised by its calls."""

    __slots__ = ("_shut", "_shutdown", "_socket", "address")

    def __init__(self, sock: socket.socket, *, shutdown: bool) -> None:
        self._socket = sock
        self._shutdown = shutdown
        self._shut = False
        host, port, *_ = sock.getsockname()
        self.address: Address = (host, port)

    async def send_to(self, data: bytes, address: Address | None = None) -> int:
        """`socket.sendto`, or `send` to the peer."""
        sock = self._socket
        if address is None:
            return self._call(lambda flags: sock.send(data, flags), select.POLLOUT)
        return self._call(lambda flags: sock.sendto(data, flags, address), select.POLLOUT)

    async def receive_from(self, max_bytes: int = 65_536) -> tuple[bytes, Address]:
        """`socket.recvfrom`, which cuts."""
        sock = self._socket
        data, sender = self._call(lambda flags: sock.recvfrom(max_bytes, flags), select.POLLIN)
        if self._shut:  # woken by shutdown(), which looks like an empty datagram from no address
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        host, port, *_ = sender
        return data, (host, port)

    def _call(self, call: Callable[[int], Result], events: int) -> Result:
        """Make a call that blocks, or one that is tried without blocking whenever the socket is ready."""
        if here.task.scope is None:
            return call(0)
        while True:
            try:
                return call(socket.MSG_DONTWAIT)
            except BlockingIOError:
                wait_for_socket(self._socket, events)

    def reported(self) -> Sequence[Exception]:
        """Nothing: the system raises."""
        return ()

    async def aclose(self) -> None:
        """`socket.close`, which does not wake a thread that receives; with `close=shutdown` that one gets an error."""
        if self._shutdown and self._socket.fileno() != -1:
            self._shut = True
            shut_down(self._socket)
        self._socket.close()


class Datagrams:
    """Endpoints on `socket`."""

    def __init__(self, *, shutdown: bool) -> None:
        self._shutdown = shutdown

    async def open_endpoint(
        self, host: str = "127.0.0.1", port: int = 0, *, peer: Address | None = None
    ) -> DatagramEndpoint:
        """`socket.socket(family, SOCK_DGRAM)`, `bind` and `connect`."""
        sock = socket.socket(family_of(host), socket.SOCK_DGRAM)
        try:
            sock.bind((host, port))
            if peer is not None:
                sock.connect(peer)
        except BaseException:
            sock.close()
            raise
        return DatagramEndpoint(sock, shutdown=self._shutdown)
