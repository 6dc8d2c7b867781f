"""Child processes on `trio.Process`."""

from __future__ import annotations

import subprocess
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any

import trio

from harness.api import INHERITED, NULL, PIPE, STDOUT, Completed, Redirect

_REDIRECTS: dict[Redirect, Any] = {
    INHERITED: None,
    NULL: subprocess.DEVNULL,
    PIPE: subprocess.PIPE,
    STDOUT: subprocess.STDOUT,
}
_CHUNK = 65536


class _ByteSource:
    __slots__ = ("aclose", "receive_some")

    def __init__(self, stream: Any) -> None:
        self.receive_some: Callable[[int], Awaitable[bytes]] = stream.receive_some
        self.aclose: Callable[[], Coroutine[Any, Any, None]] = stream.aclose


class _ByteSink:
    __slots__ = ("aclose", "send_all")

    def __init__(self, stream: Any) -> None:
        self.send_all: Callable[[bytes], Awaitable[object]] = stream.send_all
        self.aclose: Callable[[], Coroutine[Any, Any, None]] = stream.aclose


class _ChildProcess:
    """A `trio.Process`."""

    __slots__ = ("_process", "kill", "pid", "poll", "send_signal", "stderr", "stdin", "stdout", "terminate", "wait")

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self.pid = process.pid
        self.stdin = None if process.stdin is None else _ByteSink(process.stdin)
        self.stdout = None if process.stdout is None else _ByteSource(process.stdout)
        self.stderr = None if process.stderr is None else _ByteSource(process.stderr)
        self.wait: Callable[[], Coroutine[Any, Any, int]] = process.wait
        self.poll: Callable[[], int | None] = process.poll
        self.send_signal: Callable[[int], None] = process.send_signal
        self.terminate: Callable[[], None] = process.terminate
        self.kill: Callable[[], None] = process.kill

    async def communicate(self, data: bytes | None = None) -> tuple[bytes, bytes]:
        """Do what `trio.run_process` does with a process that it has started: a task for each stream, and wait."""
        process = self._process
        received: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}

        async def feed() -> None:
            assert process.stdin is not None
            async with process.stdin:
                with suppress(trio.BrokenResourceError):
                    await process.stdin.send_all(data or b"")

        async def read(name: str, stream: Any) -> None:
            async with stream:
                while chunk := await stream.receive_some(_CHUNK):
                    received[name] += chunk

        async with trio.open_nursery() as nursery:
            if process.stdin is not None:
                nursery.start_soon(feed)
            for name, stream in (("stdout", process.stdout), ("stderr", process.stderr)):
                if stream is not None:
                    nursery.start_soon(read, name, stream)
            await process.wait()
        return bytes(received["stdout"]), bytes(received["stderr"])


class TrioProcesses:
    """`trio.lowlevel.open_process` and `trio.run_process`."""

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
        """`trio.lowlevel.open_process`."""
        return _ChildProcess(
            await trio.lowlevel.open_process(
                list(command),
                stdin=_REDIRECTS.get(stdin, stdin),
                stdout=_REDIRECTS.get(stdout, stdout),
                stderr=_REDIRECTS.get(stderr, stderr),
                env=env,
                cwd=cwd,
                pass_fds=tuple(pass_fds),
            )
        )

    async def run_process(self, command: Sequence[str], *, data: bytes = b"") -> Completed:
        """`trio.run_process`; a cancelled call ends the process (SIGTERM, then SIGKILL) and waits for that."""
        done = await trio.run_process(list(command), stdin=data, capture_stdout=True, capture_stderr=True, check=False)
        return Completed(done.returncode, done.stdout, done.stderr)
