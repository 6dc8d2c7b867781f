"""Faults of Unix sockets."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import Any

from harness.testing.wrapping import Part, Unix

from .faults import fault

_SHORTER = 100
"""Bytes of a path that is cut."""


def _is_file(path: str) -> bool:
    return not path.startswith("\0")


# --- the path ---


@fault("unix-path-cut", control="trio")
class _UnixPathCut(Unix):
    """A listener cuts a path that is too long."""

    async def listen_unix(self, path: str, **kwargs: Any) -> Any:
        return await super().listen_unix(path[:_SHORTER], **kwargs)


@fault("unix-long-path-refused", control="threads")
class _UnixLongPathRefused(Unix):
    """A listener refuses paths that the system has room for."""

    async def listen_unix(self, path: str, **kwargs: Any) -> Any:
        if len(path) > _SHORTER:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        return await super().listen_unix(path, **kwargs)


@fault("unix-refused-listen-leaves-file", control="trio")
class _UnixRefusedListenLeavesFile(Unix):
    """A listen that raises has made a file."""

    async def listen_unix(self, path: str, **kwargs: Any) -> Any:
        try:
            return await super().listen_unix(path, **kwargs)
        except OSError:
            if _is_file(path):
                _touch(path)
            raise


def _touch(path: str) -> None:
    Path(path).touch()


@fault("unix-connect-cuts-path", control="threads")
class _UnixConnectCutsPath(Unix):
    """A client cuts a path that is too long to 107 bytes."""

    async def connect_unix(self, path: str) -> Any:
        return await super().connect_unix(path[:107])


@fault("unix-listen-replaces-any-file", control="asyncio")
class _UnixListenReplacesAnyFile(Unix):
    """A listener removes the file at its path, socket or not."""

    async def listen_unix(self, path: str, **kwargs: Any) -> Any:
        if _is_file(path):
            _unlink(path)
        return await super().listen_unix(path, **kwargs)


def _unlink(path: str) -> None:
    Path(path).unlink(missing_ok=True)


@fault("unix-failed-listen-unlinks", control="trio")
class _UnixFailedListenUnlinks(Unix):
    """A listen that raises because the path is in use has removed the file of the live server."""

    async def listen_unix(self, path: str, **kwargs: Any) -> Any:
        try:
            return await super().listen_unix(path, **kwargs)
        except OSError:
            if _is_file(path):
                _unlink(path)
            raise


@fault("unix-second-listener-unreached", control="asyncio")
class _UnixSecondListenerUnreached(Unix):
    """A listener on a path at which there is a socket starts, elsewhere."""

    async def listen_unix(self, path: str, **kwargs: Any) -> Any:
        if _is_file(path) and _is_socket(path):
            return await super().listen_unix(f"{path}.new", **kwargs)
        return await super().listen_unix(path, **kwargs)


def _is_socket(path: str) -> bool:
    return Path(path).is_socket()


# --- the listener ---


class _Listening(Unix):
    """Unix sockets with listeners of another class."""

    listener: type[UnixListener]

    async def listen_unix(self, path: str, **kwargs: Any) -> Any:
        return self.listener(await super().listen_unix(path, **kwargs), self.runtime)


class UnixListener(Part):
    """A listening Unix socket."""

    def is_gone(self) -> bool:
        """Whether its file is gone."""
        path: str = self.inner.path
        return _is_file(path) and not Path(path).exists()


class _RemovesAnyFile(UnixListener):
    async def aclose(self) -> None:
        if _is_file(self.inner.path):
            _unlink(self.inner.path)
        await self.inner.aclose()


@fault("unix-close-removes-any-file", control="trio")
class _UnixCloseRemovesAnyFile(_Listening):
    """A listener that closes removes the file at its path, also that of another server."""

    listener = _RemovesAnyFile


class _FailsIfGone(UnixListener):
    async def aclose(self) -> None:
        is_gone = self.is_gone()
        await self.inner.aclose()
        if is_gone:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


@fault("unix-close-fails-if-file-is-gone", control="trio")
class _UnixCloseFailsIfFileIsGone(_Listening):
    """To close a listener whose file is gone is an error."""

    listener = _FailsIfGone


class _StopsIfGone(UnixListener):
    async def accept(self) -> Any:
        if self.is_gone():
            await self.sleep_for_ever()
        return await self.inner.accept()


@fault("unix-accept-stops-if-file-is-gone", control="trio")
class _UnixAcceptStopsIfFileIsGone(_Listening):
    """A listener whose file is gone accepts no more."""

    listener = _StopsIfGone


class _StaysOpen(UnixListener):
    async def aclose(self) -> None:
        self.runtime.left_open.append(self.inner)


@fault("unix-closed-in-name", control="trio")
class _UnixClosedInName(_Listening):
    """A listener that is closed goes on listening."""

    listener = _StaysOpen


class _WakesNobody(UnixListener):
    async def accept(self) -> Any:
        try:
            return await self.inner.accept()
        except Exception as exc:
            if self.healthy.is_cancelled(exc):
                raise
            await self.sleep_for_ever()


@fault("unix-close-wakes-no-task", control="trio")
class _UnixCloseWakesNobody(_Listening):
    """A task that accepts when the listener is closed waits for ever."""

    listener = _WakesNobody


class _MakesAFile(UnixListener):
    def __init__(self, inner: Any, runtime: Any) -> None:
        super().__init__(inner, runtime)
        if not _is_file(inner.path):
            _touch(inner.path[1:])

    async def aclose(self) -> None:
        if not _is_file(self.inner.path):
            _unlink(self.inner.path[1:])
        await self.inner.aclose()


@fault("unix-abstract-name-is-a-file", control="trio")
class _UnixAbstractNameIsAFile(_Listening):
    """An abstract name is the name of a file too."""

    listener = _MakesAFile


# --- the client ---


@fault("unix-connect-beyond-backlog-is-no-connection", control="threads")
class _UnixConnectBeyondBacklog(Unix):
    """The third client, and each after it, has a stream that leads to no server."""

    def __init__(self, inner: Any, runtime: Any) -> None:
        super().__init__(inner, runtime)
        if not hasattr(runtime, "connects"):
            runtime.connects = 0

    async def connect_unix(self, path: str) -> Any:
        self.runtime.connects += 1
        if self.runtime.connects < 3:
            return await super().connect_unix(path)
        with tempfile.TemporaryDirectory(prefix="h", dir="/tmp") as place:  # short, whatever TMPDIR is
            nowhere = await self.inner.listen_unix(f"{place}/s")
            stream = await self.inner.connect_unix(nowhere.path)
            await nowhere.aclose()
        return stream


@fault("unix-connect-beyond-backlog-waits-for-ever", control="threads")
class _UnixConnectWaitsForEver(Unix):
    """A client that finds the backlog full waits for ever."""

    def __init__(self, inner: Any, runtime: Any) -> None:
        super().__init__(inner, runtime)
        if not hasattr(runtime, "connects"):
            runtime.connects = 0

    async def connect_unix(self, path: str) -> Any:
        self.runtime.connects += 1
        if self.runtime.connects == 5:
            await self.sleep_for_ever()
        return await super().connect_unix(path)
