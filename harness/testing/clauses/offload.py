"""Clauses of threads and processes for blocking functions."""

from __future__ import annotations

import os
import socket

from harness.api import Capability, Listener, Runtime

from .clause import clause, require, require_equal

_THREAD = (Capability.THREAD,)
_PROCESS = (Capability.PROCESS,)


class PlannedError(Exception):
    """The error of an offloaded function."""


def fail(word: str) -> None:
    """Raise `PlannedError`. Module-level, because another process must find it."""
    raise PlannedError(word)


def read_from(port: int) -> bytes:
    """Connect and block until the first bytes come."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        return connection.recv(100)


@clause("a function's result comes back from a thread", of="Runtime.run_in_thread", requires=_THREAD)
async def thread_result(runtime: Runtime) -> None:
    """Hand over arguments."""
    require_equal("result", expected=(3, 1), actual=await runtime.run_in_thread(divmod, 7, 2))


@clause("a function's exception comes back from a thread", of="Runtime.run_in_thread", requires=_THREAD)
async def thread_exception(runtime: Runtime) -> None:
    """Require the very class, with its arguments."""
    try:
        result: object = await runtime.run_in_thread(fail, "thread")
    except PlannedError as exc:
        result = exc.args
    require_equal("arguments of the exception", expected=("thread",), actual=result)


@clause("others run while a thread blocks", of="Runtime.run_in_thread", requires=_THREAD)
async def thread_does_not_block(runtime: Runtime) -> None:
    """Block on a pipe until another task writes to it."""
    read_end, write_end = os.pipe()
    results: list[object] = []

    async def reader() -> None:
        results.append(await runtime.run_in_thread(os.read, read_end, 1))

    try:
        async with runtime.open_task_group() as group:
            await group.spawn(reader)
            await runtime.sleep(0.001)
            os.write(write_end, b"x")
    finally:
        os.close(read_end)
        os.close(write_end)
    require_equal("results", expected=[b"x"], actual=results)


@clause("two threads block at once", of="Runtime.run_in_thread", requires=_THREAD)
async def threads_run_together(runtime: Runtime) -> None:
    """Let each of two calls wait for the other, through two pipes."""
    (read_a, write_a), (read_b, write_b) = os.pipe(), os.pipe()
    results: list[object] = []

    def exchange(read_end: int, write_end: int) -> bytes:
        os.write(write_end, b"x")
        return os.read(read_end, 1)

    async def call(read_end: int, write_end: int) -> None:
        results.append(await runtime.run_in_thread(exchange, read_end, write_end))

    try:
        async with runtime.open_task_group() as group:
            await group.spawn(call, read_a, write_b)
            await group.spawn(call, read_b, write_a)
    finally:
        for fd in (read_a, write_a, read_b, write_b):
            os.close(fd)
    require_equal("results", expected=[b"x", b"x"], actual=results)


@clause("a function's result comes back from a process", of="Runtime.run_in_process", requires=_PROCESS)
async def process_result(runtime: Runtime) -> None:
    """Ask for the process id, which is another one, and for a result of arguments."""
    require(await runtime.run_in_process(os.getpid) != os.getpid(), "it ran in the same process")
    require_equal("result", expected=(3, 1), actual=await runtime.run_in_process(divmod, 7, 2))


@clause("a function's exception comes back from a process", of="Runtime.run_in_process", requires=_PROCESS)
async def process_exception(runtime: Runtime) -> None:
    """Require the very class, with its arguments."""
    try:
        result: object = await runtime.run_in_process(fail, "process")
    except PlannedError as exc:
        result = exc.args
    require_equal("arguments of the exception", expected=("process",), actual=result)


@clause("others run while a process blocks", of="Runtime.run_in_process", requires=_PROCESS)
async def process_does_not_block(runtime: Runtime) -> None:
    """Block on a socket until another task answers."""
    listener = await runtime.listen()
    results: list[object] = []

    async def reader() -> None:
        results.append(await runtime.run_in_process(read_from, listener.address[1]))

    async with runtime.open_task_group() as group:
        await group.spawn(reader)
        await _answer(listener)
    await listener.aclose()
    require_equal("results", expected=[b"x"], actual=results)


async def _answer(listener: Listener) -> None:
    stream = await listener.accept()
    await stream.send_all(b"x")
    await stream.aclose()
