"""Clauses of the chapter of child processes. The programs are the shell's, because those start fast."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from harness.api import (
    NULL,
    PIPE,
    STDOUT,
    ByteSource,
    Capability,
    ChildProcess,
    Redirect,
    Runtime,
    processes_of,
)

from .clause import clause, require, require_equal, settle

_CHILD = (Capability.CHILD_PROCESS,)
_CANCELLED_CHILD = (Capability.CHILD_PROCESS, Capability.CANCEL_SCOPE)
_MEBIBYTE = 1 << 20
_PIPE_HOLDS = 1 << 16


async def _start(runtime: Runtime, script: str, *, stdin: Redirect = NULL, stdout: Redirect = NULL) -> ChildProcess:
    return await processes_of(runtime).start_process(["sh", "-c", script], stdin=stdin, stdout=stdout)


async def _output(process: ChildProcess) -> bytes:
    """Read stdout to its end, and wait for the process."""
    assert process.stdout is not None
    received = await _read_all(process.stdout)
    await process.stdout.aclose()
    await process.wait()
    return received


async def _read_all(source: ByteSource) -> bytes:
    received = b""
    while chunk := await source.receive_some(_PIPE_HOLDS):
        received += chunk
    return received


def _count_descriptors() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


def _is_same(a: str, b: str) -> bool:
    return Path(a).samefile(b)


async def _end(process: ChildProcess) -> None:
    """Kill the processes that a clause has left running, close their streams and wait for them."""
    with suppress(ProcessLookupError):
        process.kill()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            await stream.aclose()
    await process.wait()


# --- start ---


@clause("a program starts with its arguments", of="Processes.start_process", requires=_CHILD)
async def arguments(runtime: Runtime) -> None:
    """Have a shell print its input."""
    command = ["sh", "-c", 'printf "%s|" "$@"', "name", "a b", "", "*"]
    process = await processes_of(runtime).start_process(command, stdout=PIPE)
    require_equal("arguments", expected=b"a b||*|", actual=await _output(process))


@clause("a program that does not exist is a FileNotFoundError", of="Processes.start_process", requires=_CHILD)
async def no_program(runtime: Runtime) -> None:
    """Start one, with pipes that must not stay open. The first is not counted: a runtime may keep files of its own."""
    open_descriptors = []
    for _ in range(3):
        try:
            await processes_of(runtime).start_process(["/nonexistent/program"], stdin=PIPE, stdout=PIPE, stderr=PIPE)
        except FileNotFoundError:
            await settle(runtime)
            open_descriptors.append(_count_descriptors())
    require_equal("failures", expected=3, actual=len(open_descriptors))
    require_equal("open descriptors", expected=open_descriptors[0], actual=open_descriptors[2])


@clause("a child has its streams and no other descriptor", of="Processes.start_process", requires=_CHILD)
async def closed_descriptors(runtime: Runtime) -> None:
    """Offer an inheritable descriptor, and one that is passed."""
    with TemporaryFile() as offered, TemporaryFile() as passed:
        os.set_inheritable(offered.fileno(), True)
        script = f"for fd in {offered.fileno()} {passed.fileno()}; do test -e /dev/fd/$fd && echo $fd; done; true"
        process = await processes_of(runtime).start_process(
            ["sh", "-c", script], stdout=PIPE, pass_fds=(passed.fileno(),)
        )
        require_equal("descriptors", expected=f"{passed.fileno()}\n".encode(), actual=await _output(process))


@clause("a child has the environment and the folder that it is given", of="Processes.start_process", requires=_CHILD)
async def environment(runtime: Runtime) -> None:
    """Give one variable, and a folder of its own."""
    with TemporaryDirectory() as folder:
        process = await processes_of(runtime).start_process(
            ["/bin/sh", "-c", 'echo "$GIVEN|$HOME|$(pwd -P)"'], stdout=PIPE, env={"GIVEN": "this"}, cwd=folder
        )
        given, home, where = (await _output(process)).decode().rstrip("\n").split("|")
        require_equal("variables", expected=("this", ""), actual=(given, home))
        require(_is_same(where, folder), f"the folder of the child is {where}, and not {folder}")


@clause("a child has a process id of its own", of="ChildProcess.pid", requires=_CHILD)
async def process_id(runtime: Runtime) -> None:
    """Have it printed."""
    process = await _start(runtime, "echo $$", stdout=PIPE)
    require(process.pid != os.getpid(), "it is that of this process")
    require_equal("process id", expected=f"{process.pid}\n".encode(), actual=await _output(process))


@clause("streams go to the null device, to a file or together", of="Processes.start_process", requires=_CHILD)
async def redirects(runtime: Runtime) -> None:
    """Read an empty stdin, and write both outputs to one file."""
    with TemporaryFile() as file:
        process = await processes_of(runtime).start_process(
            ["sh", "-c", "cat; echo out; echo err >&2"], stdin=NULL, stdout=file.fileno(), stderr=STDOUT
        )
        require_equal("exit code", expected=0, actual=await process.wait())
        file.seek(0)
        require_equal("the output", expected=b"out\nerr\n", actual=file.read())


@clause("stdin is there if it is a pipe", of="ChildProcess.stdin", requires=_CHILD)
async def stdin_is_there(runtime: Runtime) -> None:
    """Start a child with it, and one with another pipe."""
    with_it = await processes_of(runtime).start_process(["cat"], stdin=PIPE, stdout=NULL)
    without = await processes_of(runtime).start_process(["true"], stdin=NULL, stdout=PIPE)
    found = (with_it.stdin is not None, without.stdin is not None)
    await _end(with_it)
    await _end(without)
    require_equal("stdin with and without", expected=(True, False), actual=found)


@clause("stdout is there if it is a pipe", of="ChildProcess.stdout", requires=_CHILD)
async def stdout_is_there(runtime: Runtime) -> None:
    """Start a child with it, and one with another pipe."""
    with_it = await processes_of(runtime).start_process(["true"], stdout=PIPE)
    without = await processes_of(runtime).start_process(["true"], stdout=NULL, stderr=PIPE)
    found = (with_it.stdout is not None, without.stdout is not None)
    await _end(with_it)
    await _end(without)
    require_equal("stdout with and without", expected=(True, False), actual=found)


@clause("stderr is a stream of its own", of="ChildProcess.stderr", requires=_CHILD)
async def stderr_is_there(runtime: Runtime) -> None:
    """Write to both."""
    process = await processes_of(runtime).start_process(
        ["sh", "-c", "echo out; echo err >&2"], stdout=PIPE, stderr=PIPE
    )
    assert process.stderr is not None
    written = await _read_all(process.stderr)
    out = await _output(process)
    await process.stderr.aclose()
    require_equal("stdout and stderr", expected=(b"out\n", b"err\n"), actual=(out, written))


# --- the end ---


@clause("the exit code of a child comes back", of="ChildProcess.wait", requires=_CHILD)
async def exit_code(runtime: Runtime) -> None:
    """Wait twice, and from two tasks at once."""
    process = await _start(runtime, "read line; exit 3", stdin=PIPE)
    assert process.stdin is not None
    codes: list[int] = []

    async def wait() -> None:
        codes.append(await process.wait())

    async with runtime.open_task_group() as group:
        for _ in range(2):
            await group.spawn(wait)
        await settle(runtime)
        await process.stdin.aclose()
    codes.append(await process.wait())
    require_equal("exit codes", expected=[3, 3, 3], actual=codes)


@clause("a wait is for the process and not for its pipes", of="ChildProcess.wait", requires=_CHILD)
async def pipe_held_open(runtime: Runtime) -> None:
    """Let a process of the child hold its stdout, wait for the child, and only then let that end."""
    process = await _start(runtime, "sleep 60 & echo $!; read line", stdin=PIPE, stdout=PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    holder = int(await process.stdout.receive_some(100))
    code: list[int] = []

    async def wait() -> None:
        code.append(await process.wait())

    async with runtime.open_task_group() as group:
        await group.spawn(wait)
        await settle(runtime)
        await process.stdin.aclose()
        for _ in range(200):
            await runtime.sleep(0.005)
            if code:
                break
        ended = bool(code)
        os.kill(holder, signal.SIGKILL)  # so that the group ends in either case
    await _end(process)
    require(ended, "the wait did not end within 1 s of the process, as long as another one held its stdout")


@clause("others run while a child is waited for", of="ChildProcess.wait", requires=_CHILD)
async def wait_does_not_block(runtime: Runtime) -> None:
    """Wait for a child that ends only after another task has run."""
    process = await _start(runtime, "read line", stdin=PIPE)
    assert process.stdin is not None
    sink = process.stdin

    async def release() -> None:
        await sink.send_all(b"go\n")

    async with runtime.open_task_group() as group:
        await group.spawn(release)
        code = await process.wait()
    await sink.aclose()
    require_equal("exit code", expected=0, actual=code)


@clause("a cancelled wait leaves the child alone", of="ChildProcess.wait", requires=_CANCELLED_CHILD)
async def cancelled_wait(runtime: Runtime) -> None:
    """Cancel it; the child runs on and its exit code is still to be had."""
    process = await _start(runtime, "read line; exit 4", stdin=PIPE)
    assert process.stdin is not None
    async with runtime.open_cancel_scope() as scope:

        async def cancel() -> None:
            await settle(runtime)
            await scope.cancel()

        async with runtime.open_task_group() as group:
            await group.spawn(cancel)
            await process.wait()
    alive = process.poll()
    await process.stdin.aclose()
    code = await process.wait()
    require_equal(
        "cancelled, exit code before and after", expected=(True, None, 4), actual=(scope.cancelled_caught, alive, code)
    )


@clause("a poll knows a child that runs from one that was waited for", of="ChildProcess.poll", requires=_CHILD)
async def poll(runtime: Runtime) -> None:
    """Poll before, and after the wait."""
    process = await _start(runtime, "read line; exit 5", stdin=PIPE)
    assert process.stdin is not None
    before = process.poll()
    await process.stdin.aclose()
    await process.wait()
    require_equal("before and after", expected=(None, 5), actual=(before, process.poll()))


# --- signals ---


@clause("a signal reaches the child, and is its negative exit code", of="ChildProcess.send_signal", requires=_CHILD)
async def signals(runtime: Runtime) -> None:
    """Send one that ends it."""
    process = await _start(runtime, "exec sleep 60")
    process.send_signal(signal.SIGUSR1)
    require_equal("exit code", expected=-signal.SIGUSR1, actual=await process.wait())
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGUSR1)
    require_equal("exit code after another signal", expected=-signal.SIGUSR1, actual=await process.wait())


@clause("terminate is SIGTERM, which a child may catch", of="ChildProcess.terminate", requires=_CHILD)
async def terminate(runtime: Runtime) -> None:
    """Have it caught."""
    process = await _start(runtime, "trap 'exit 6' TERM; echo up; while :; do read line; done", stdin=PIPE, stdout=PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    await process.stdout.receive_some(10)
    process.terminate()
    await process.stdin.aclose()
    code = await process.wait()
    await process.stdout.aclose()
    require_equal("exit code", expected=6, actual=code)


@clause("kill is SIGKILL", of="ChildProcess.kill", requires=_CHILD)
async def kill(runtime: Runtime) -> None:
    """Kill what ignores everything else."""
    process = await _start(runtime, "trap '' TERM; echo up; read line", stdin=PIPE, stdout=PIPE)
    assert process.stdout is not None
    await process.stdout.receive_some(10)
    process.kill()
    code = await process.wait()
    await _end(process)
    require_equal("exit code", expected=-signal.SIGKILL, actual=code)


# --- streams ---


@clause("output of a child arrives, then its end", of="ByteSource.receive_some", requires=_CHILD)
async def output(runtime: Runtime) -> None:
    """Read more than a pipe holds, and the end twice."""
    process = await _start(runtime, f"head -c {_MEBIBYTE} /dev/zero", stdout=PIPE)
    assert process.stdout is not None
    received = len(await _read_all(process.stdout))
    ends = [await process.stdout.receive_some(1), await process.stdout.receive_some(1)]
    await _end(process)
    require_equal("bytes", expected=_MEBIBYTE, actual=received)
    require_equal("ends", expected=[b"", b""], actual=ends)


@clause("a cancelled read takes nothing", of="ByteSource.receive_some", requires=_CANCELLED_CHILD)
async def cancelled_read(runtime: Runtime) -> None:
    """Cancel a read that waits, then let the child write."""
    process = await _start(runtime, "read line; echo $line", stdin=PIPE, stdout=PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    async with runtime.open_cancel_scope() as scope:

        async def cancel() -> None:
            await settle(runtime)
            await scope.cancel()

        async with runtime.open_task_group() as group:
            await group.spawn(cancel)
            await process.stdout.receive_some(10)
    await process.stdin.send_all(b"after\n")
    received = await _read_all(process.stdout)
    await _end(process)
    require_equal("cancelled and read", expected=(True, b"after\n"), actual=(scope.cancelled_caught, received))


@clause("closing the end that reads ends the child that writes", of="ByteSource.aclose", requires=_CHILD)
async def broken_pipe(runtime: Runtime) -> None:
    """Close it under a child that writes for ever."""
    process = await _start(runtime, "exec yes", stdout=PIPE)
    assert process.stdout is not None
    await process.stdout.receive_some(10)
    await process.stdout.aclose()
    code = await process.wait()
    require(code in (-signal.SIGPIPE, 1), f"it ended with {code}, and not by SIGPIPE or the error of its write")


@clause("bytes reach a child in order, and it can make the sender wait", of="ByteSink.send_all", requires=_CHILD)
async def feed(runtime: Runtime) -> None:
    """Send more than a pipe holds to a child that reads late."""
    process = await _start(runtime, "read line; cksum", stdin=PIPE, stdout=PIPE)
    reference = await _start(runtime, f"head -c {_MEBIBYTE} /dev/zero | cksum", stdout=PIPE)
    assert process.stdin is not None
    sink, sent = process.stdin, []

    async def send() -> None:
        for _ in range(16):
            await sink.send_all(bytes(_MEBIBYTE // 16))
            sent.append(1)
        await sink.aclose()

    await sink.send_all(b"go\n")
    async with runtime.open_task_group() as group:
        await group.spawn(send)
        received = await _output(process)
    require_equal("sends", expected=16, actual=len(sent))
    require_equal("checksum", expected=await _output(reference), actual=received)


@clause("closing a child's stdin is its end, behind the bytes sent", of="ByteSink.aclose", requires=_CHILD)
async def end_of_stdin(runtime: Runtime) -> None:
    """Have it copied."""
    process = await _start(runtime, "exec cat", stdin=PIPE, stdout=PIPE)
    assert process.stdin is not None
    await process.stdin.send_all(b"last words")
    await process.stdin.aclose()
    require_equal("copy", expected=b"last words", actual=await _output(process))


# --- at once ---


@clause("any amount of data goes both ways at once", of="ChildProcess.communicate", requires=_CHILD)
async def communicate(runtime: Runtime) -> None:
    """Send more than two pipes hold through a child that writes as it reads."""
    process = await _start(runtime, "exec cat", stdin=PIPE, stdout=PIPE)
    data = os.urandom(_MEBIBYTE)
    out, err = await process.communicate(data)
    require(out == data, f"{len(out)} bytes came back, of {_MEBIBYTE}, or others")
    require_equal("stderr, which is no pipe", expected=b"", actual=err)
    require_equal("exit code", expected=0, actual=await process.wait())


@clause("a child that does not read its input is no error", of="ChildProcess.communicate", requires=_CHILD)
async def unread_data(runtime: Runtime) -> None:
    """Send more than a pipe holds to a child that has ended."""
    process = await _start(runtime, "echo done; exit 7", stdin=PIPE, stdout=PIPE)
    await process.wait()
    await settle(runtime)
    out, _ = await process.communicate(bytes(_MEBIBYTE))
    require_equal("output and exit code", expected=(b"done\n", 7), actual=(out, await process.wait()))


@clause("communicate waits for the process", of="ChildProcess.communicate", requires=_CHILD)
async def communicate_waits(runtime: Runtime) -> None:
    """Have it close its stdout, and end later."""
    process = await _start(runtime, "exec >&-; sleep 0.1; exit 8", stdout=PIPE)
    await process.communicate()
    known = process.poll()
    await process.wait()
    require_equal("exit code as communicate returns", expected=8, actual=known)


@clause("a program is run to its end", of="Processes.run_process", requires=_CHILD)
async def run(runtime: Runtime) -> None:
    """Feed it, and have it write to both streams and fail."""
    script = ["sh", "-c", "cat; echo bad >&2; exit 9"]
    done = await processes_of(runtime).run_process(script, data=b"good")
    require_equal(
        "exit code and outputs", expected=(9, b"good", b"bad\n"), actual=(done.exit_code, done.stdout, done.stderr)
    )
