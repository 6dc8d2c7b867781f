"""Child processes on `subprocess.Popen`, with waits that can be interrupted.

A task in no cancel scope calls `Popen`, which blocks. Otherwise it polls the object of its wait (a pipe, or the process
itself by its pidfd) together with its bell, as with sockets.
"""

from __future__ import annotations

import os
import select
import selectors
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from harness.api import INHERITED, NULL, PIPE, STDOUT, Completed, Redirect

from .scopes import here

_REDIRECTS: dict[Redirect, Any] = {
    INHERITED: None,
    NULL: subprocess.DEVNULL,
    PIPE: subprocess.PIPE,
    STDOUT: subprocess.STDOUT,
}
_CHUNK = 65536
_LOOK_AGAIN = 0.01
"""Seconds between two looks at a process where the system has no pidfd (`Popen.wait(timeout)` looks as often)."""


class _ByteSource:
    """A pipe that is read without a buffer."""

    __slots__ = ("_pipe",)

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe

    async def receive_some(self, max_bytes: int) -> bytes:
        if here.task.scope is not None:
            here.task.await_ready(self._pipe.fileno(), select.POLLIN)
        return self._pipe.read(max_bytes)

    async def aclose(self) -> None:
        self._pipe.close()


class _ByteSink:
    """A pipe that is written without a buffer."""

    __slots__ = ("_pipe",)

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe

    async def send_all(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            if here.task.scope is None:
                rest = rest[self._pipe.write(rest) :]
            else:
                # A pipe that is ready takes PIPE_BUF bytes without blocking, and no more is promised.
                here.task.await_ready(self._pipe.fileno(), select.POLLOUT)
                rest = rest[self._pipe.write(rest[: select.PIPE_BUF]) :]

    async def aclose(self) -> None:
        self._pipe.close()


class _ChildProcess:
    """A `subprocess.Popen`."""

    __slots__ = ("_process", "kill", "pid", "poll", "send_signal", "stderr", "stdin", "stdout", "terminate")

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid
        self.stdin = None if process.stdin is None else _ByteSink(process.stdin)
        self.stdout = None if process.stdout is None else _ByteSource(process.stdout)
        self.stderr = None if process.stderr is None else _ByteSource(process.stderr)
        self.poll = process.poll
        self.send_signal = process.send_signal
        self.terminate = process.terminate
        self.kill = process.kill

    async def wait(self) -> int:
        """`Popen.wait`."""
        if here.task.scope is not None and self._process.poll() is None:
            _await_end(self._process)
        return self._process.wait()

    def reap(self) -> None:
        """Close the pipes and wait for the end, whatever happens to the task: the process has been killed."""
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        self._process.wait()

    async def communicate(self, data: bytes | None = None) -> tuple[bytes, bytes]:
        """`Popen.communicate`."""
        if here.task.scope is not None:
            out, err = _communicate(self._process, data or b"")
            await self.wait()
            return out, err
        out, err = self._process.communicate(data)
        return out or b"", err or b""


def _await_end(process: subprocess.Popen[bytes]) -> None:
    """Block until a process has ended; it is left to be reaped. Raises: `Cancelled`."""
    if not hasattr(os, "pidfd_open"):
        while process.poll() is None:
            here.task.check()
            time.sleep(_LOOK_AGAIN)
        return
    try:
        pidfd = os.pidfd_open(process.pid)
    except ProcessLookupError:  # another task has reaped it since
        return
    try:
        here.task.await_ready(pidfd, select.POLLIN)
    finally:
        os.close(pidfd)


def _communicate(process: subprocess.Popen[bytes], data: bytes) -> tuple[bytes, bytes]:
    """Do what `Popen.communicate` does, with a selector that is polled beside the bell. Raises: `Cancelled`."""
    received = {process.stdout: bytearray(), process.stderr: bytearray()}
    rest = memoryview(data)
    with selectors.DefaultSelector() as selector:
        for stream, event in _pipes(process):
            selector.register(stream, event)
        while selector.get_map():
            here.task.await_ready(_fileno(selector), select.POLLIN)
            for key, _ in selector.select(0):
                pipe: Any = key.fileobj
                if key.events == selectors.EVENT_WRITE:
                    rest = _feed(pipe, rest)
                    is_over = not rest
                else:
                    chunk = pipe.read(_CHUNK)
                    received[pipe] += chunk
                    is_over = not chunk
                if is_over:
                    selector.unregister(pipe)
                    pipe.close()
    return bytes(received[process.stdout]), bytes(received[process.stderr])


def _pipes(process: subprocess.Popen[bytes]) -> Iterator[tuple[IO[bytes], int]]:
    events = ((process.stdin, selectors.EVENT_WRITE), (process.stdout, selectors.EVENT_READ))
    for stream, event in (*events, (process.stderr, selectors.EVENT_READ)):
        if stream is not None:
            yield stream, event


def _fileno(selector: Any) -> int:
    number: int = selector.fileno()  # of epoll and kqueue; no selector that the system prefers lacks it
    return number


def _feed(stdin: IO[bytes], rest: memoryview) -> memoryview:
    """Write as much as a ready pipe takes; nothing is left for a child that does not read."""
    try:
        return rest[stdin.write(rest[: select.PIPE_BUF]) :]
    except BrokenPipeError:
        return rest[:0]


class ThreadsProcesses:
    """`subprocess.Popen` and `subprocess.run`."""

    async def start_process(
        self,
        command: Sequence[str],
        *,
        stdin: Redirect = INHERITED,
        stdout: Redirect = INHERITED,
        stderr: Redirect = INHERITED,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        pass_fds: Sequence[int] = (),
    ) -> _ChildProcess:
        """`subprocess.Popen(..., bufsize=0)`, which blocks until the program runs."""
        return _ChildProcess(
            subprocess.Popen(  # noqa: ASYNC220 - blocking is what this backend does
                list(command),
                bufsize=0,
                stdin=_REDIRECTS.get(stdin, stdin),
                stdout=_REDIRECTS.get(stdout, stdout),
                stderr=_REDIRECTS.get(stderr, stderr),
                env=env,
                cwd=cwd,
                pass_fds=tuple(pass_fds),
            )
        )

    async def run_process(self, command: Sequence[str], *, data: bytes = b"") -> Completed:
        """`subprocess.run`, which kills the process if it is interrupted, and waits for that."""
        if here.task.scope is None:
            done = subprocess.run(list(command), input=data, capture_output=True, check=False)  # noqa: ASYNC221 - as above
            return Completed(done.returncode, done.stdout, done.stderr)
        process = await self.start_process(command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        try:
            out, err = await process.communicate(data)
        except BaseException:
            process.kill()
            process.reap()
            raise
        return Completed(await process.wait(), out, err)
