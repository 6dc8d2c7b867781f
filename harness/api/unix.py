"""The chapter of Unix sockets: streams between processes of one host, addressed by a path (`Capability.UNIX`).

Reached by `unix_of(runtime)`; a backend that declares the capability has `unix()` on its runtime. The streams are those
of `Runtime.connect`, except that a Unix socket has no reset: after `abort` the peer may see the end of the stream.

A path that begins with a NUL character is an abstract name (Linux): it is no file, and free once its socket is closed.
Exceptions pass unchanged: no server at the path is a `FileNotFoundError` or a `ConnectionRefusedError`.
"""

from __future__ import annotations

from typing import Protocol

from .chapters import chapter_of
from .runtime import ByteStream, Runtime


class UnixListener(Protocol):
    """A listening Unix socket."""

    @property
    def path(self) -> str:
        """The path, or the abstract name, as it was given."""

    async def accept(self) -> ByteStream:
        """Wait for a connection and return it.

        Contract: each connection is accepted once; a cancelled accept has accepted nothing; it goes on also when
            the file is removed meanwhile.
        Latitude: whether the runtime accepts ahead of this call.
        """

    async def aclose(self) -> None:
        """Stop listening.

        Contract: a connection that is opened afterwards is refused; connections that were accepted live on; a file at
            the path that is not this listener's own stays there; it is no error if the file is gone.
        Latitude: whether the listener's own file is removed; what becomes of a waiting `accept`.
        """


class UnixSockets(Protocol):
    """Listens on paths and connects to them."""

    async def listen_unix(self, path: str, *, backlog: int | None = None) -> UnixListener:
        """Listen on a path; backlog `None` is the runtime's default.

        Contract: a client can connect to exactly this path once this returns, which makes the file, or raises and
            leaves nothing behind; a path that is too long for the system raises; a file that is no socket stays.
        Latitude: whether the file of a server that has ended is replaced; whether that of a live server is, which then
            gets no more clients; which error is raised.
        """

    async def connect_unix(self, path: str) -> ByteStream:
        """Connect to the server at exactly this path.

        Contract: a stream that is returned is connected; a call that fails or is cancelled leaves no descriptor.
        Latitude: whether it waits while the server's backlog is full, or raises.
        """


def unix_of(runtime: Runtime) -> UnixSockets:
    """Return the chapter of Unix sockets of a runtime.

    Raises:
        UnsupportedError: the runtime has no such chapter.
    """
    found: UnixSockets = chapter_of(runtime, "unix")
    return found
