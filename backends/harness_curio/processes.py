"""Child processes on `curio.subprocess`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

from curio import subprocess

from harness.api import INHERITED, NULL, PIPE, STDOUT, Completed, Redirect

_REDIRECTS: dict[Redirect, Any] = {
    INHERITED: None,
    NULL: subprocess.DEVNULL,
    PIPE: subprocess.PIPE,
    STDOUT: subprocess.STDOUT,
}


class _ByteSource:
    """A `curio.io.FileStream`."""

    __slots__ = ("aclose", "receive_some")

    def __init__(self, stream: Any) -> None:
        self.receive_some: Callable[[int], Awaitable[bytes]] = stream.read
        self.aclose: Callable[[], Coroutine[Any, Any, None]] = stream.close


class _ByteSink:
    """A `curio.io.FileStream`, whose writes are buffered until it is flushed."""

    __slots__ = ("_stream", "aclose")

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.aclose: Callable[[], Coroutine[Any, Any, None]] = stream.close

    async def send_all(self, data: bytes) -> None:
        await self._stream.write(data)
        await self._stream.flush()


class _ChildProcess:
    """A `curio.subprocess.Popen`; it has the streams that are pipes only."""

    __slots__ = (
        "communicate",
        "kill",
        "pid",
        "poll",
        "send_signal",
        "stderr",
        "stdin",
        "stdout",
        "terminate",
        "wait",
    )

    def __init__(self, process: Any) -> None:
        streams = vars(process)
        self.pid: int = process.pid
        self.stdin = _ByteSink(streams["stdin"]) if "stdin" in streams else None
        self.stdout = _ByteSource(streams["stdout"]) if "stdout" in streams else None
        self.stderr = _ByteSource(streams["stderr"]) if "stderr" in streams else None
        self.wait: Callable[[], Coroutine[Any, Any, int]] = process.wait
        self.poll: Callable[[], int | None] = process.poll
        self.send_signal: Callable[[int], None] = process.send_signal
        self.terminate: Callable[[], None] = process.terminate
        self.kill: Callable[[], None] = process.kill
        self.communicate: Callable[..., Coroutine[Any, Any, tuple[bytes, bytes]]] = process.communicate


class CurioProcesses:
    """`curio.subprocess.Popen` and `curio.subprocess.run`."""

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
        """`curio.subprocess.Popen(...)`, which starts the program within the call."""
        return _ChildProcess(
            subprocess.Popen(
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
        """`curio.subprocess.run`; a cancelled call kills the process, reads its output and waits."""
        pipe = subprocess.PIPE
        done = await subprocess.run(list(command), input=data, stdout=pipe, stderr=pipe)
        return Completed(done.returncode, done.stdout, done.stderr)
