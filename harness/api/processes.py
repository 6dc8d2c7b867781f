"""The chapter of child processes: programs that the runtime starts and waits for (`Capability.CHILD_PROCESS`).

Reached by `processes_of(runtime)`; a backend that declares the capability has `processes()` on its runtime. As in
`harness.api.runtime`, **Contract** is the promise to scenarios and **Latitude** is left open. Exceptions
pass unchanged: a program that does not exist is a `FileNotFoundError`, one that may not be executed a
`PermissionError`.

`run_in_process` is no part of it: that runs a Python function in a pool of processes (`Capability.PROCESS`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from .chapters import chapter_of
from .runtime import Runtime

PIPE: Literal["pipe"] = "pipe"
"""A pipe between the two processes; the attribute of `ChildProcess` is this side's end."""
INHERITED: Literal["inherited"] = "inherited"
"""The descriptor that this process has, whatever it is."""
NULL: Literal["null"] = "null"
"""The null device: reads end at once, writes vanish."""
STDOUT: Literal["stdout"] = "stdout"
"""For `stderr` only: the descriptor that the child's stdout is."""

Redirect = Literal["pipe", "inherited", "null", "stdout"] | int
"""Where a standard stream of a child goes; an integer is a descriptor, such as that of an open file."""


class ByteSource(Protocol):
    """This side's end of a child's stdout or stderr. Bound methods may be the runtime's own."""

    @property
    def receive_some(self) -> Callable[[int], Awaitable[bytes]]:
        """Receive between 1 and `max_bytes` bytes.

        Contract: `b""` only at the end, which comes when *every* process that holds the other end has closed it,
            then again each time; a cancelled read has taken nothing.
        """

    async def aclose(self) -> None:
        """Close this end.

        Contract: the descriptor is closed; a child that writes on gets `SIGPIPE`, or an error of its write.
        """


class ByteSink(Protocol):
    """This side's end of a child's stdin. Bound methods may be the runtime's own."""

    @property
    def send_all(self) -> Callable[[bytes], Awaitable[object]]:
        """Send all of the bytes.

        Contract: bytes arrive in order; a child that does not read makes it wait in the end (backpressure).
        Latitude: how much is accepted before it waits; when a closed other end is noticed (`BROKEN`).
        """

    async def aclose(self) -> None:
        """Close this end. Contract: bytes already sent arrive, then the child reads the end of its stdin."""


class ChildProcess(Protocol):
    """A process that was started, from its start until its exit status has been collected."""

    @property
    def pid(self) -> int:
        """Its process id. Contract: no other process has it before `wait` has returned."""

    @property
    def stdin(self) -> ByteSink | None:
        """This side's end of its stdin; `None` unless that is a pipe."""

    @property
    def stdout(self) -> ByteSource | None:
        """This side's end of its stdout; `None` unless that is a pipe."""

    @property
    def stderr(self) -> ByteSource | None:
        """This side's end of its stderr; `None` unless that is a pipe."""

    async def wait(self) -> int:
        """Wait until the process has ended and return its exit code, or `-N` if signal N ended it.

        Contract: it waits for the process, *not* for its pipes, which a process that it started may hold open; any
            number of tasks may wait, also after the end, and see the same; others run meanwhile. A cancelled wait
            neither ends the process nor loses its exit code.
        Latitude: how long after the end it returns.
        """

    def poll(self) -> int | None:
        """Return the exit code, or `None` as long as the runtime does not know that the process has ended.

        Contract: never blocks; after `wait` has returned it is that exit code.
        Latitude: whether it asks the system, or returns the status that the runtime last noticed.
        """

    def send_signal(self, number: int) -> None:
        """Send a signal. Contract: never to another process; of a process that is known to have ended, no effect.

        Latitude: whether a process that has ended raises `ProcessLookupError`.
        """

    def terminate(self) -> None:
        """Send `SIGTERM`, as `send_signal`."""

    def kill(self) -> None:
        """Send `SIGKILL`, as `send_signal`."""

    async def communicate(self, data: bytes | None = None) -> tuple[bytes, bytes]:
        """Send `data` to stdin and close it, read stdout and stderr to their ends, and wait.

        Contract: sends and reads at once, so that no amount of data in either direction locks up; a stream that is
            no pipe is `b""`; a child that does not read its stdin is no error.
        Latitude: whether a cancelled call keeps the output read so far, and the fate of the process.
        """


class Completed(msgspec.Struct, frozen=True):
    """Result of a program that was run to its end."""

    exit_code: int
    """Its exit code, or `-N` if signal N ended it."""
    stdout: bytes
    """Bytes written to stdout."""
    stderr: bytes
    """Bytes written to stderr."""


class Processes(Protocol):
    """Starts programs."""

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
    ) -> ChildProcess:
        """Start a program.

        Contract: returns once the program runs, or raises what kept it from running; descriptors other than the
            three streams and `pass_fds` are closed in the child, which can open its pipes by their names
            (`/dev/stdin`), and starts with the default handling of signals; a start that fails or is cancelled
            leaves neither process nor descriptor behind.
        Latitude: what becomes of the process when the run ends first.
        """

    async def run_process(self, command: Sequence[str], *, data: bytes = b"") -> Completed:
        """Run a program to its end: `data` on its stdin, both outputs captured.

        Contract: as `start_process` and `communicate`; an exit code other than 0 is no exception.
        Latitude: whether a cancelled call ends the process, and waits for that.
        """


def processes_of(runtime: Runtime) -> Processes:
    """Return the chapter of child processes of a runtime.

    Raises:
        UnsupportedError: the runtime has no such chapter.
    """
    found: Processes = chapter_of(runtime, "processes")
    return found
