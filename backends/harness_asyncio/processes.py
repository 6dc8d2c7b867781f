"""Child processes on asyncio's subprocesses."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL, Process
from asyncio.subprocess import PIPE as ASYNCIO_PIPE
from asyncio.subprocess import STDOUT as ASYNCIO_STDOUT
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any

from harness.api import INHERITED, NULL, PIPE, STDOUT, Completed, Redirect

_REDIRECTS: dict[Redirect, Any] = {INHERITED: None, NULL: DEVNULL, PIPE: ASYNCIO_PIPE, STDOUT: ASYNCIO_STDOUT}
_STDOUT, _STDERR = 1, 2


class AsyncioByteSource:
    """The `asyncio.StreamReader` of a pipe; the transport, which has no public name, closes it."""

    __slots__ = ("_fd", "_process", "receive_some")

    def __init__(self, process: Process, fd: int, reader: asyncio.StreamReader) -> None:
        self._process = process
        self._fd = fd
        self.receive_some: Callable[[int], Awaitable[bytes]] = reader.read

    async def aclose(self) -> None:
        """Close the transport of the pipe."""
        pipe = self._process._transport.get_pipe_transport(self._fd)  # type: ignore[attr-defined]  # noqa: SLF001
        if pipe is not None:
            pipe.close()
            await asyncio.sleep(0)  # the descriptor is closed by a callback of the loop


class AsyncioByteSink:
    """The `asyncio.StreamWriter` of a pipe."""

    __slots__ = ("_writer",)

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def send_all(self, data: bytes) -> None:
        """Write and drain."""
        self._writer.write(data)
        await self._writer.drain()

    async def aclose(self) -> None:
        """Close and wait until the buffer was flushed; a child that does not read it is no error here."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()


class AsyncioChildProcess:
    """An `asyncio.subprocess.Process`."""

    __slots__ = ("_process", "kill", "pid", "send_signal", "stderr", "stdin", "stdout", "terminate", "wait")

    def __init__(self, process: Process) -> None:
        self._process = process
        self.pid = process.pid
        self.stdin = None if process.stdin is None else AsyncioByteSink(process.stdin)
        self.stdout = None if process.stdout is None else AsyncioByteSource(process, _STDOUT, process.stdout)
        self.stderr = None if process.stderr is None else AsyncioByteSource(process, _STDERR, process.stderr)
        self.wait: Callable[[], Coroutine[Any, Any, int]] = process.wait
        self.send_signal: Callable[[int], None] = process.send_signal
        self.terminate: Callable[[], None] = process.terminate
        self.kill: Callable[[], None] = process.kill

    def poll(self) -> int | None:
        """Return the exit code that the loop has noticed: `Process.returncode`."""
        return self._process.returncode

    async def communicate(self, data: bytes | None = None) -> tuple[bytes, bytes]:
        """`Process.communicate`."""
        out, err = await self._process.communicate(data)
        return out or b"", err or b""  # None of a stream that is no pipe, whatever its type says


class AsyncioProcesses:
    """`asyncio.create_subprocess_exec`."""

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
    ) -> AsyncioChildProcess:
        """Start a program."""
        return AsyncioChildProcess(
            await asyncio.create_subprocess_exec(
                *command,
                stdin=_REDIRECTS.get(stdin, stdin),
                stdout=_REDIRECTS.get(stdout, stdout),
                stderr=_REDIRECTS.get(stderr, stderr),
                env=env,
                cwd=cwd,
                pass_fds=tuple(pass_fds),
            )
        )

    async def run_process(self, command: Sequence[str], *, data: bytes = b"") -> Completed:
        """`create_subprocess_exec`, then `communicate`; a cancelled caller leaves the process alone."""
        process = await self.start_process(command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        out, err = await process.communicate(data)
        code = process.poll()
        assert code is not None
        return Completed(code, out, err)
