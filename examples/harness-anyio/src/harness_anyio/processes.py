"""Child processes on `anyio.abc.Process`."""

from __future__ import annotations

import subprocess
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream, Process
from harness.api import INHERITED, NULL, PIPE, STDOUT, Completed, Redirect

_REDIRECTS: dict[Redirect, Any] = {
    INHERITED: None,
    NULL: subprocess.DEVNULL,
    PIPE: subprocess.PIPE,
    STDOUT: subprocess.STDOUT,
}


class _ByteSource:
    __slots__ = ("_stream", "aclose")

    def __init__(self, stream: ByteReceiveStream) -> None:
        self._stream = stream
        self.aclose: Callable[[], Coroutine[Any, Any, None]] = stream.aclose

    async def receive_some(self, max_bytes: int) -> bytes:
        try:
            return await self._stream.receive(max_bytes)
        except anyio.EndOfStream:
            return b""


class _ByteSink:
    __slots__ = ("aclose", "send_all")

    def __init__(self, stream: ByteSendStream) -> None:
        self.send_all: Callable[[bytes], Awaitable[object]] = stream.send
        self.aclose: Callable[[], Coroutine[Any, Any, None]] = stream.aclose


class _ChildProcess:
    """An `anyio.abc.Process`."""

    __slots__ = ("_process", "kill", "pid", "send_signal", "stderr", "stdin", "stdout", "terminate", "wait")

    def __init__(self, process: Process) -> None:
        self._process = process
        self.pid = process.pid
        self.stdin = None if process.stdin is None else _ByteSink(process.stdin)
        self.stdout = None if process.stdout is None else _ByteSource(process.stdout)
        self.stderr = None if process.stderr is None else _ByteSource(process.stderr)
        self.wait: Callable[[], Coroutine[Any, Any, int]] = process.wait
        self.send_signal: Callable[[int], None] = process.send_signal  # type: ignore[assignment]  # any number will do
        self.terminate: Callable[[], None] = process.terminate
        self.kill: Callable[[], None] = process.kill

    def poll(self) -> int | None:
        """Return the exit code if it is known."""
        return self._process.returncode

    async def communicate(self, data: bytes | None = None) -> tuple[bytes, bytes]:
        """Do what `anyio.run_process` does with a process that it has started: a task for each stream, and wait."""
        process = self._process
        received: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}

        async def feed(stream: ByteSendStream) -> None:
            async with stream:
                with suppress(anyio.BrokenResourceError):
                    await stream.send(data or b"")

        async def read(name: str, stream: ByteReceiveStream) -> None:
            async with stream:
                async for chunk in stream:
                    received[name] += chunk

        async with anyio.create_task_group() as group:
            if process.stdin is not None:
                group.start_soon(feed, process.stdin)
            for name, stream in (("stdout", process.stdout), ("stderr", process.stderr)):
                if stream is not None:
                    group.start_soon(read, name, stream)
            await process.wait()
        return bytes(received["stdout"]), bytes(received["stderr"])


class AnyioProcesses:
    """`anyio.open_process` and `anyio.run_process`."""

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
        """`anyio.open_process`."""
        return _ChildProcess(
            await anyio.open_process(
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
        """`anyio.run_process`."""
        done = await anyio.run_process(list(command), input=data, check=False)
        return Completed(done.returncode, done.stdout or b"", done.stderr or b"")
