"""Faults of child processes."""

from __future__ import annotations

import os
import signal
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from harness.api import PIPE, Completed
from harness.testing.wrapping import Child, Part, SabotagedRuntime, Wrapped

from .faults import fault

_LATE_SECONDS = 2.0
_PIPE_HOLDS = 1 << 16
_THREADS = 20


class _Processes(Wrapped):
    """The chapter of a sabotaged runtime; a subclass breaks a start."""

    def __init__(self, inner: Any, runtime: SabotagedRuntime) -> None:
        super().__init__(inner)
        self.runtime: Any = runtime


class _Starts(SabotagedRuntime):
    """A runtime whose chapter is broken."""

    chapter: type[_Processes]

    def processes(self) -> Any:
        return self.chapter(super().processes(), self)


def _has_ended(pid: int) -> bool:
    try:
        return " Z " in Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return True


# --- waits ---


@fault("child-waits-for-its-pipe", control="trio")
class _ChildWaitsForItsPipe(Child):
    """A wait for a child with a pipe returns long after the child has ended."""

    async def wait(self) -> Any:
        code = await self.inner.wait()
        await self.healthy.sleep(_LATE_SECONDS)
        return code


@fault("cancelled-wait-loses-the-code")
class _CancelledWaitLosesTheCode(Child):
    """After a wait for a child was cancelled its exit code is 255."""

    is_lost = False

    async def wait(self) -> Any:
        try:
            code = await self.inner.wait()
        except BaseException:
            self.is_lost = True
            raise
        return 255 if self.is_lost else code


@fault("exit-codes-are-mixed-up")
class _ExitCodesAreMixedUp(Child):
    """A wait returns the exit code of the child that was waited for before."""

    async def wait(self) -> Any:
        codes = self.runtime.left_open
        codes.append(await self.inner.wait())
        return codes[-2] if len(codes) > 1 else codes[-1]


@fault("one-waiter-for-a-child")
class _OneWaiterForAChild(Child):
    """Only the first task that waits for a child is woken by its end."""

    waits = 0

    async def wait(self) -> Any:
        self.waits += 1
        if self.waits == 2 and self.inner.poll() is None:
            await self.sleep_for_ever()
        return await self.inner.wait()


@fault("signals-are-positive")
class _SignalsArePositive(Child):
    """A child that signal N has ended has the exit code 128 + N."""

    async def wait(self) -> Any:
        code = await self.inner.wait()
        return code if code >= 0 else 128 - code


@fault("late-wait-hangs", control="trio")
class _LateWaitHangs(Child):
    """A wait that begins after the child has ended does not return."""

    async def wait(self) -> Any:
        if _has_ended(self.inner.pid):
            await self.sleep_for_ever()
        return await self.inner.wait()


# --- streams ---


class _Source(Part):
    pass


@fault("cancelled-read-takes-bytes")
class _CancelledReadTakesBytes(Child):
    """After a cancelled read of a child's output the next bytes are dropped, once."""

    @property
    def stdout(self) -> Any:
        return None if self.inner.stdout is None else _Forgetful(self.inner.stdout, self.runtime)


class _Forgetful(_Source):
    async def receive_some(self, max_bytes: int) -> Any:
        dropping = self.runtime.left_open
        if dropping and self.inner in [source for source, _ in dropping]:
            dropping.clear()
            await self.inner.receive_some(max_bytes)
        try:
            return await self.inner.receive_some(max_bytes)
        except BaseException:
            dropping.append((self.inner, True))
            raise


@fault("output-ends-with-the-child")
class _OutputEndsWithTheChild(Child):
    """The output of a child cannot be read after it has ended."""

    @property
    def stdout(self) -> Any:
        return None if self.inner.stdout is None else _Mortal(self.inner.stdout, self.runtime, self.inner.pid)


class _Mortal(_Source):
    def __init__(self, inner: Any, runtime: Any, pid: int) -> None:
        super().__init__(inner, runtime)
        self._pid = pid

    async def receive_some(self, max_bytes: int) -> Any:
        return b"" if _has_ended(self._pid) else await self.inner.receive_some(max_bytes)


@fault("communicate-cuts-off")
class _CommunicateCutsOff(Child):
    """`communicate` drops the output of a child beyond 64 KiB."""

    async def communicate(self, data: bytes | None = None) -> Any:
        out, err = await self.inner.communicate(data)
        return out[:_PIPE_HOLDS], err


@fault("communicate-insists-on-a-reader")
class _CommunicateInsistsOnAReader(Child):
    """`communicate` fails if the child does not read its input."""

    async def communicate(self, data: bytes | None = None) -> Any:
        result = await self.inner.communicate(data)
        if data and not result[0].startswith(data[:1]):
            raise BrokenPipeError("the child has not read it")
        return result


@fault("communicate-does-not-wait", control="trio")
class _CommunicateDoesNotWait(Child):
    """`communicate` returns at the end of the output, whether the process has ended or not."""

    async def communicate(self, data: bytes | None = None) -> Any:
        await self.inner.stdin.send_all(data or b"")
        await self.inner.stdin.aclose()
        received = b""
        while chunk := await self.inner.stdout.receive_some(_PIPE_HOLDS):
            received += chunk
        return received, b""


@fault("writes-to-the-dead-vanish")
class _WritesToTheDeadVanish(Child):
    """A write to a child that has ended returns."""

    @property
    def stdin(self) -> Any:
        return None if self.inner.stdin is None else _Vanishing(self.inner.stdin, self.runtime)


class _Vanishing(Part):
    async def send_all(self, data: bytes) -> None:
        with suppress(OSError, RuntimeError):
            await self.inner.send_all(data)


# --- starts ---


class _WithSocket(_Processes):
    async def start_process(self, command: Any, **streams: Any) -> Any:
        if streams.get("stdin") != PIPE:
            return await self.inner.start_process(command, **streams)
        near, far = socket.socketpair()
        child = await self.inner.start_process(command, **streams | {"stdin": far.fileno()})
        far.close()
        return _SocketChild(child, self.runtime, near)


class _SocketChild(Child):
    def __init__(self, inner: Any, runtime: Any, near: socket.socket) -> None:
        super().__init__(inner, runtime)
        self._near = near

    @property
    def stdin(self) -> Any:
        return self

    async def send_all(self, data: bytes) -> None:
        self._near.sendall(data)

    async def aclose(self) -> None:
        self._near.close()


@fault("stdin-is-a-socket")
class _StdinIsASocket(_Starts):
    """The stdin of a child is one of a pair of sockets."""

    chapter = _WithSocket


class _Inheriting(_Processes):
    async def start_process(self, command: Any, **streams: Any) -> Any:
        inheritable = []
        for name in os.listdir("/dev/fd"):  # noqa: PTH208 - names, not paths
            with suppress(OSError):
                if int(name) > 2 and os.get_inheritable(int(name)):
                    inheritable.append(int(name))
        passed = {*streams.get("pass_fds", ()), *inheritable}
        return await self.inner.start_process(command, **streams | {"pass_fds": tuple(passed)})


@fault("children-inherit-descriptors")
class _ChildrenInheritDescriptors(_Starts):
    """A child has every descriptor of this process that is inheritable."""

    chapter = _Inheriting


class _Ignoring(_Processes):
    async def start_process(self, command: Any, **streams: Any) -> Any:
        wrapper = ["sh", "-c", 'trap "" PIPE; trap "" XFSZ; exec "$@"', "sh"]
        return await self.inner.start_process([*wrapper, *command], **streams)


@fault("children-ignore-sigpipe")
class _ChildrenIgnoreSigpipe(_Starts):
    """A child ignores the signals that Python ignores."""

    chapter = _Ignoring


class _LeakingFailures(_Processes):
    async def start_process(self, command: Any, **streams: Any) -> Any:
        try:
            return await self.inner.start_process(command, **streams)
        except OSError:
            self.runtime.left_open += os.pipe()
            raise


@fault("failed-start-keeps-a-pipe")
class _FailedStartKeepsAPipe(_Starts):
    """A start that fails leaves a pipe open."""

    chapter = _LeakingFailures


class _LeavingCancelled(_Processes):
    async def start_process(self, command: Any, **streams: Any) -> Any:
        child = await self.inner.start_process(command, **streams)
        await self.runtime.inner.checkpoint()
        return child


@fault("cancelled-start-leaves-a-child", control="trio")
class _CancelledStartLeavesAChild(_Starts):
    """A start that is cancelled when the child runs forgets the child."""

    chapter = _LeavingCancelled


class _LeavingZombies(_Processes):
    forgotten: ClassVar[list[Any]] = []
    """Kept: a `Popen` that is collected waits for its child once, and would find it where that has ended already."""

    async def run_process(self, command: Any, *, data: bytes = b"") -> Any:
        child = await self.inner.start_process(command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        try:
            out, err = await child.communicate(data)
        except BaseException:
            child.kill()
            self.forgotten.append(child)
            raise
        return Completed(await child.wait(), out, err)


@fault("cancelled-run-leaves-a-zombie", control="trio")
class _CancelledRunLeavesAZombie(_Starts):
    """A run that is cancelled kills the child and does not wait for it."""

    chapter = _LeavingZombies


# --- others ---


@fault("signal-after-the-end-fails")
class _SignalAfterTheEndFails(Child):
    """A signal to a child that has ended raises an error of the runtime's own."""

    def send_signal(self, number: int) -> None:
        if self.inner.poll() is not None:
            raise RuntimeError("the transport is closed")
        self.inner.send_signal(number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@fault("wait-needs-sigchld", control="trio")
class _WaitNeedsSigchld(Child):
    """A wait for a child does not return while SIGCHLD is ignored."""

    async def wait(self) -> Any:
        if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
            await self.sleep_for_ever()
        return await self.inner.wait()


@fault("reaps-the-children-of-others")
class _ReapsTheChildrenOfOthers(SabotagedRuntime):
    """A runtime that sleeps collects whatever child has ended."""

    async def sleep(self, seconds: float) -> Any:
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:  # noqa: ASYNC222 - it does not block
                pass
        await self.inner.sleep(seconds)


@fault("a-wait-takes-many-threads")
class _AWaitTakesManyThreads(Child):
    """A wait for a child takes twenty threads."""

    async def wait(self) -> Any:
        over = threading.Event()
        for _ in range(_THREADS):
            threading.Thread(target=over.wait, daemon=True).start()
        try:
            return await self.inner.wait()
        finally:
            over.set()


class _HalfForked(_Processes):
    async def start_process(self, command: Any, **streams: Any) -> Any:
        if os.fork() == 0:
            os._exit(0)
        if os.fork() == 0:
            os._exit(0)
        return await self.inner.start_process(command, **streams)


@fault("fork-hooks-run-twice")
class _ForkHooksRunTwice(_Starts):
    """The start of a child forks twice more, and the forked processes are not waited for."""

    chapter = _HalfForked
