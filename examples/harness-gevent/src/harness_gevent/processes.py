"""Child processes on `gevent.subprocess`: what `subprocess` has, and a wait blocks the greenlet only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gevent import subprocess
from harness.api import INHERITED, NULL, PIPE, STDOUT, Completed, Redirect

_REDIRECTS: dict[Redirect, Any] = {
    INHERITED: None,
    NULL: subprocess.DEVNULL,
    PIPE: subprocess.PIPE,
    STDOUT: subprocess.STDOUT,
}


class ByteSource:
    """A `gevent.fileobject`, whose read returns the available bytes."""

    def __init__(self, pipe: Any) -> None:
        self._pipe = pipe

    async def receive_some(self, max_bytes: int) -> bytes:
        """`FileObject.read1`."""
        return self._pipe.read1(max_bytes)  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        """`FileObject.close`."""
        self._pipe.close()


class ByteSink:
    """A `gevent.fileobject`, which buffers writes."""

    def __init__(self, pipe: Any) -> None:
        self._pipe = pipe

    async def send_all(self, data: bytes) -> None:
        """`FileObject.write`, then `flush`."""
        self._pipe.write(data)
        self._pipe.flush()

    async def aclose(self) -> None:
        """`FileObject.close`."""
        self._pipe.close()


class ChildProcess:
    """A `gevent.subprocess.Popen`."""

    def __init__(self, process: Any) -> None:
        self._process = process
        self.pid: int = process.pid
        self.stdin = None if process.stdin is None else ByteSink(process.stdin)
        self.stdout = None if process.stdout is None else ByteSource(process.stdout)
        self.stderr = None if process.stderr is None else ByteSource(process.stderr)

    async def wait(self) -> int:
        """`Popen.wait`."""
        return self._process.wait()  # type: ignore[no-any-return]

    def poll(self) -> int | None:
        """`Popen.poll`, which knows the exits that the hub's child watcher has noticed."""
        return self._process.poll()  # type: ignore[no-any-return]

    def send_signal(self, number: int) -> None:
        """`Popen.send_signal`."""
        self._process.send_signal(number)

    def terminate(self) -> None:
        """`Popen.terminate`."""
        self._process.terminate()

    def kill(self) -> None:
        """`Popen.kill`."""
        self._process.kill()

    async def communicate(self, data: bytes | None = None) -> tuple[bytes, bytes]:
        """`Popen.communicate`."""
        out, err = self._process.communicate(data)
        return out or b"", err or b""


class GeventProcesses:
    """`gevent.subprocess.Popen` and `gevent.subprocess.run`."""

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
        """`gevent.subprocess.Popen`."""
        return ChildProcess(
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
        """`gevent.subprocess.run`, which kills the process if it is interrupted."""
        pipe = subprocess.PIPE
        done = subprocess.run(list(command), input=data, stdout=pipe, stderr=pipe)
        return Completed(done.returncode, done.stdout, done.stderr)
