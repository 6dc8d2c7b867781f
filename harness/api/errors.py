"""The kinds of error, in the vocabulary of the field.

A backend lets its runtime's own exceptions pass (mapping each of them would cost time on the hot path and hide what
we are here to show). `Runtime.classify` gives an exception's *meaning*. The classes below are for those that a
backend builds itself because its runtime has no such thing.
"""

from enum import StrEnum


class ErrorKind(StrEnum):
    """Meaning of an exception that left a `Runtime` call, whatever its class is called on this runtime."""

    CANCELLED = "cancelled"
    """The runtime's own cancellation; must be re-raised."""
    DEADLINE = "deadline"
    """A `fail_after` expired."""
    END_OF_CHANNEL = "end of channel"
    """The last sender closed and nothing is left. Not an error."""
    CLOSED = "closed"
    """This side closed the resource before or while using it."""
    BROKEN = "broken"
    """The peer went away: reset, broken pipe, or the last receiver closed."""
    BUSY = "busy"
    """Another task is using the resource in a way that excludes this one."""
    REFUSED = "refused"
    """No socket listens at the address."""
    TIMED_OUT = "timed out"
    """The operating system gave up (ETIMEDOUT)."""
    OUT_OF_FDS = "out of fds"
    """The process or the system has no file descriptor left."""
    OUT_OF_PORTS = "out of ports"
    """No port is left for the address (EADDRNOTAVAIL), or the one asked for is taken (EADDRINUSE)."""
    OTHER = "other"
    """Anything else."""


class RuntimeContractError(Exception):
    """Base of the errors that a backend raises where its runtime has no class of its own."""


class EndOfChannel(RuntimeContractError):
    """The last sender closed and no item is left. Not an error."""


class ClosedResourceError(RuntimeContractError):
    """You closed it."""


class BrokenResourceError(RuntimeContractError):
    """The peer closed it."""


class BusyResourceError(RuntimeContractError):
    """Another task uses it."""


class DeadlineExceeded(RuntimeContractError):
    """A `fail_after` expired on a runtime that has no exception for it."""


class UnsupportedError(RuntimeContractError):
    """The backend declared the capability `ABSENT`, and a scenario used it without declaring that it needs it."""


ERRNO_KINDS = {
    "EMFILE": ErrorKind.OUT_OF_FDS,
    "ENFILE": ErrorKind.OUT_OF_FDS,
    "EADDRNOTAVAIL": ErrorKind.OUT_OF_PORTS,
    "EADDRINUSE": ErrorKind.OUT_OF_PORTS,
    "ECONNREFUSED": ErrorKind.REFUSED,
    "ECONNRESET": ErrorKind.BROKEN,
    "ECONNABORTED": ErrorKind.BROKEN,
    "EPIPE": ErrorKind.BROKEN,
    "ESHUTDOWN": ErrorKind.BROKEN,
    "ETIMEDOUT": ErrorKind.TIMED_OUT,
    "EBADF": ErrorKind.CLOSED,
}
"""Meaning of an `OSError` by the name of its errno; the same on every runtime that lets `OSError` pass."""

_OWN_KINDS: dict[type[RuntimeContractError], ErrorKind] = {
    EndOfChannel: ErrorKind.END_OF_CHANNEL,
    ClosedResourceError: ErrorKind.CLOSED,
    BrokenResourceError: ErrorKind.BROKEN,
    BusyResourceError: ErrorKind.BUSY,
    DeadlineExceeded: ErrorKind.DEADLINE,
}

_TLS_KINDS = {"SSLEOFError": ErrorKind.BROKEN, "SSLZeroReturnError": ErrorKind.BROKEN}
"""Meaning of an `ssl.SSLError` by its class: its `errno` is a number of OpenSSL's own."""


def classify_common(exc: BaseException) -> ErrorKind:
    """Classify what every backend shares: our own classes, and `OSError` by errno.

    A backend's `Runtime.classify` looks at its runtime's classes first and falls back to this.
    """
    import errno

    own = _OWN_KINDS.get(type(exc))  # type: ignore[arg-type]
    if own is not None:
        return own
    if isinstance(exc, OSError) and type(exc).__module__ == "ssl":
        return _TLS_KINDS.get(type(exc).__name__, ErrorKind.OTHER)
    if isinstance(exc, OSError) and exc.errno is not None:
        return ERRNO_KINDS.get(errno.errorcode.get(exc.errno, ""), ErrorKind.OTHER)
    return ErrorKind.OTHER
