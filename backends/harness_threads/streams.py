"""Plain blocking sockets whose waits can be interrupted.

A task in no cancel scope simply calls the socket, which blocks. Otherwise the call is tried without blocking first
(`MSG_DONTWAIT`), and only if it would block the task polls the socket together with its bell (see `posix.Bell`).
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct

from .scopes import here

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER: on, 0 seconds: `close` sends RST instead of FIN."""


def wait_for_socket(sock: socket.socket, events: int) -> None:
    """Block until a socket has one of the `select.poll` events, or it is closed, or the task is cancelled."""
    fd = sock.fileno()
    if fd < 0:  # closed by another task since the call that would block
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    here.task.await_ready(fd, events)


class ByteStream:
    """A connected socket, as it is: Nagle's algorithm is on."""

    __slots__ = ("_shut", "_shutdown", "_socket")

    def __init__(self, sock: socket.socket, *, shutdown: bool) -> None:
        self._socket = sock
        self._shutdown = shutdown
        self._shut = False

    @property
    def socket(self) -> socket.socket:
        """The socket, for TLS that begins on it."""
        return self._socket

    @property
    def shuts_down(self) -> bool:
        """Whether it is closed as with `close=shutdown`."""
        return self._shutdown

    async def send_all(self, data: bytes) -> None:
        """`socket.sendall`; if cancelled a part may have been sent."""
        sock = self._socket
        if here.task.scope is None:
            sock.sendall(data)
            return
        try:
            sent = sock.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            sent = 0
        if sent != len(data):
            self._send_rest(memoryview(data)[sent:])

    def _send_rest(self, rest: memoryview) -> None:
        while rest:
            wait_for_socket(self._socket, select.POLLOUT)
            try:
                sent = self._socket.send(rest, socket.MSG_DONTWAIT)
            except BlockingIOError:  # another task filled the buffer
                continue
            rest = rest[sent:]

    async def receive_some(self, max_bytes: int) -> bytes:
        """`socket.recv`."""
        sock = self._socket
        if here.task.scope is None:
            return sock.recv(max_bytes)
        while True:
            try:
                return sock.recv(max_bytes, socket.MSG_DONTWAIT)
            except BlockingIOError:
                wait_for_socket(sock, select.POLLIN)
            if self._shut:  # as a blocking recv() sees it, which still has the descriptor
                return b""

    async def send_eof(self) -> None:
        """`socket.shutdown(SHUT_WR)`."""
        self._socket.shutdown(socket.SHUT_WR)

    async def abort(self) -> None:
        """Close with a reset."""
        if self._socket.fileno() != -1:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self._socket.close()

    async def aclose(self) -> None:
        """`socket.close`, which does not wake who reads the socket; with `close=shutdown` that one sees the end."""
        if self._shutdown and self._socket.fileno() != -1:
            self._shut = True
            shut_down(self._socket)
        self._socket.close()


def shut_down(sock: socket.socket) -> None:
    """Shut a socket down, which wakes its readers, connected or not."""
    try:
        # An `SSLSocket` has a shutdown of its own, which drops its keys first: a woken read would return ciphertext.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError as exc:
        if exc.errno != errno.ENOTCONN:  # the peer was faster
            raise


class Listener:
    """A listening socket. It does not block, as there is no MSG_DONTWAIT for `accept`."""

    __slots__ = ("_shutdown", "_socket", "address")

    def __init__(self, sock: socket.socket, *, shutdown: bool) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._shutdown = shutdown
        host, port, *_ = sock.getsockname()
        self.address: tuple[str, int] = (host, port)

    async def accept(self) -> ByteStream:
        """`socket.accept`."""
        while True:
            try:
                sock, _ = self._socket.accept()
            except BlockingIOError:
                wait_for_socket(self._socket, select.POLLIN)
            else:
                sock.setblocking(True)  # elsewhere than on Linux it inherits the mode
                return ByteStream(sock, shutdown=self._shutdown)

    async def aclose(self) -> None:
        """`socket.close`, which does not wake who accepts; with `close=shutdown` that one gets an error."""
        if self._shutdown and self._socket.fileno() != -1:
            shut_down(self._socket)
        self._socket.close()


def listen(host: str, port: int, backlog: int | None, *, reuse_port: bool, shutdown: bool) -> Listener:
    """Do `socket.create_server`, with the default backlog of `socket.listen`."""
    sock = socket.create_server((host, port), family=family_of(host), backlog=backlog, reuse_port=reuse_port)
    return Listener(sock, shutdown=shutdown)


def connect(host: str, port: int, source: str | None, *, shutdown: bool) -> ByteStream:
    """Connect a new socket, blocking if nothing can cancel the task."""
    sock = socket.socket(family_of(host))
    try:
        if source is not None:
            sock.bind((source, 0))
        if here.task.scope is None:
            sock.connect((host, port))
        else:
            _connect_cancellable(sock, (host, port))
    except BaseException:
        sock.close()
        raise
    return ByteStream(sock, shutdown=shutdown)


def _connect_cancellable(sock: socket.socket, address: tuple[str, int]) -> None:
    sock.setblocking(False)
    code = sock.connect_ex(address)
    if code == errno.EINPROGRESS:
        wait_for_socket(sock, select.POLLOUT)
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))
    sock.setblocking(True)


def family_of(host: str) -> socket.AddressFamily:
    """Return the family of a numeric address."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET
