"""The programs whose ends are observed. Each is started in a process of its own by `parts.programs`."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Any

from harness.api import ByteStream, Launch, Runtime, processes_of

from ..parts.programs import PID, READY, block_on, mark

EXIT_CODE = 3
ACCEPTED = "accepted "
"""Prefix of the mark with the number of bytes that sends have accepted."""


class PlannedFailureError(Exception):
    """Ends the main function on purpose."""


def _end(how: str) -> None:
    match how:
        case "raises":
            raise PlannedFailureError
        case "exits":
            sys.exit(EXIT_CODE)


# --- a job runs ---


def _blocking_job(gate: str) -> None:
    mark(f"{PID}{os.getpid()}")
    mark("the job runs")
    block_on(gate)
    mark("the job is done")


async def _run_job(runtime: Runtime, kind: str, gate: str) -> None:
    match kind:
        case "thread job":
            await runtime.run_in_thread(_blocking_job, gate)
        case "process job":
            await runtime.run_in_process(_blocking_job, gate)
        case "child process":
            script = f"echo {PID}$$; echo the job runs; read line <{gate}; echo the job is done"
            child = await processes_of(runtime).start_process(["sh", "-c", script])
            await child.wait()
        case _:
            mark("the job runs")
            await runtime.create_event().wait()


async def _until_job_runs(runtime: Runtime) -> None:
    while b"the job runs" not in _read_own_marks():
        await runtime.sleep(0.005)


def _read_own_marks() -> bytes:
    with open("/dev/fd/1", "rb") as marks:  # noqa: PTH123 - read in a loop
        return marks.read()


def wait_for_a_job(launch: Launch, kind: str, gate: str) -> None:
    """Wait in the main function for a job that blocks."""

    async def main(runtime: Runtime) -> None:
        async def tell() -> None:
            await _until_job_runs(runtime)
            mark(READY)

        async with runtime.open_task_group() as group:
            await group.spawn(tell)
            await _run_job(runtime, kind, gate)

    launch(main)


def end_beside_a_job(launch: Launch, kind: str, how: str, gate: str) -> None:
    """End the main function while a job blocks that the main function was cancelled in."""

    async def main(runtime: Runtime) -> None:
        async with runtime.open_cancel_scope() as scope:

            async def leave() -> None:
                await _until_job_runs(runtime)
                mark(READY)
                await scope.cancel()

            async with runtime.open_task_group() as group:
                await group.spawn(leave)
                await _run_job(runtime, kind, gate)
        mark("the main function ends")
        _end(how)

    atexit.register(mark, "atexit")
    launch(main)
    mark("the run is over")


def fill_the_executor(launch: Launch, jobs: str, gate: str) -> None:
    """Have more thread jobs than a pool has threads, and wait for them."""

    async def main(runtime: Runtime) -> None:
        async def tell() -> None:
            await _until_job_runs(runtime)
            await runtime.sleep(0.1)
            mark(READY)

        async with runtime.open_task_group() as group:
            for _ in range(int(jobs)):
                await group.spawn(runtime.run_in_thread, _blocking_job, gate)
            await group.spawn(tell)

    launch(main)


# --- tasks that do not end ---


def refuse_to_end(launch: Launch, kind: str, gate: str) -> None:
    """Have something that an interrupt does not end."""

    async def refuse(runtime: Runtime) -> None:
        never = runtime.create_event()
        refused = 0
        while refused < 1000:  # each wait may raise at once
            with suppress(BaseException):
                await never.wait()
            refused += 1

    async def main(runtime: Runtime) -> None:
        async with runtime.open_task_group() as group:
            if kind == "a task refuses":
                await group.spawn(refuse, runtime)
                await runtime.sleep(0.05)
                mark(READY)
                await runtime.create_event().wait()
            else:
                await group.spawn(_run_job, runtime, kind, gate)
                await _until_job_runs(runtime)
                mark(READY)
                await runtime.create_event().wait()

    launch(main)


# --- lost data ---


_CHUNK_BYTES = 4096
_MOST_CHUNKS = 8000


def send_and_end(launch: Launch, how: str, gate: str) -> None:
    """Send to a peer that does not read until a send waits, mark the accepted bytes, and end the main function."""
    mark(READY)
    with open(gate, encoding="ascii") as pipe:  # noqa: PTH123 - a named pipe, on which this waits
        port = int(pipe.read())

    async def main(runtime: Runtime) -> None:
        stream = await runtime.connect("127.0.0.1", port)
        accepted = 0
        async with runtime.move_on_after(5.0):
            while accepted < _MOST_CHUNKS and await _sends_in_time(runtime, stream):
                accepted += 1
        mark(f"{ACCEPTED}{accepted * _CHUNK_BYTES}")
        if how == "is interrupted":
            await runtime.create_event().wait()
        _end(how)

    launch(main)


async def _sends_in_time(runtime: Runtime, stream: ByteStream) -> bool:
    async with runtime.move_on_after(0.1):
        await stream.send_all(bytes(_CHUNK_BYTES))
        return True
    return False


def leave_a_generator(launch: Launch, how: str, gate: str) -> None:
    """End the main function while an asynchronous generator is suspended."""
    del gate
    kept: list[AsyncGenerator[int, None]] = []

    async def numbers() -> AsyncGenerator[int, None]:
        try:
            yield 1
            yield 2
        finally:
            mark("the generator is closed")

    async def main(runtime: Runtime) -> None:
        kept.append(numbers())
        async for _ in kept[0]:
            break
        mark(READY)
        if how == "is interrupted":
            await runtime.create_event().wait()
        _end(how)

    launch(main)


# --- clean-up ---


def clean_up(launch: Launch, where: str, gate: str) -> None:
    """Wait, and clean up with a wait when that is interrupted."""
    del gate

    async def wait_and_clean_up(runtime: Runtime) -> None:
        try:
            mark(READY)
            await runtime.create_event().wait()
        finally:
            mark("the clean-up begins")
            await runtime.sleep(0.02)
            mark("the clean-up is done")

    async def main(runtime: Runtime) -> None:
        match where:
            case "the main function":
                await wait_and_clean_up(runtime)
            case "a task of a group":
                async with runtime.open_task_group() as group:
                    await group.spawn(wait_and_clean_up, runtime)
            case _:
                async with runtime.open_task_group() as group:
                    await group.spawn(wait_and_clean_up, runtime)
                    await runtime.create_event().wait()

    launch(main)


async def _run_true(runtime: Runtime) -> None:
    await (await processes_of(runtime).start_process(["true"])).wait()


async def _open_group(runtime: Runtime) -> None:
    async with runtime.open_task_group() as group:
        await group.spawn(runtime.sleep, 0.01)


_WORK: dict[str, Callable[[Runtime], Awaitable[object]]] = {
    "sleeps": lambda runtime: runtime.sleep(0.01),
    "runs a thread job": lambda runtime: runtime.run_in_thread(time.sleep, 0.01),
    "starts a child": _run_true,
    "opens a group": _open_group,
}


def work_in_clean_up(launch: Launch, what: str, gate: str) -> None:
    """Do some work in the clean-up of the main function, which an interrupt has ended."""
    del gate

    async def main(runtime: Runtime) -> None:
        try:
            mark(READY)
            await runtime.create_event().wait()
        finally:
            try:
                await _WORK[what](runtime)
            except Exception as exc:
                if runtime.is_cancelled(exc):
                    mark("the work is cancelled")
                else:
                    mark("the work is refused")
                    raise
            except BaseException:
                mark("the work is cancelled")
                raise
            else:
                mark("the work is done")

    launch(main)


# --- where and how often ---


def run_in_another_thread(launch: Launch, how: str, gate: str) -> None:
    """Run the runtime outside the main thread, which waits for it."""

    async def main(runtime: Runtime) -> None:
        await runtime.run_in_thread(_ready_and_block, gate)
        await _run_true(runtime)
        mark("the main function ends")
        _end(how)

    thread = threading.Thread(target=launch, args=(main,))
    thread.start()
    thread.join()
    mark("the main thread goes on")


def run_twice(launch: Launch, how: str, gate: str) -> None:
    """Run the runtime, and after its end once more in the same process."""
    del gate

    async def main(runtime: Runtime) -> None:
        await runtime.sleep(0.001)
        await runtime.run_in_thread(time.sleep, 0.001)
        async with runtime.open_task_group() as group:
            await group.spawn(runtime.sleep, 0.001)
        await _run_true(runtime)

    async def first(runtime: Runtime) -> None:
        await main(runtime)
        if how == "is interrupted":
            mark(READY)
            await runtime.create_event().wait()
        _end(how)

    if how != "is interrupted":
        mark(READY)
    with suppress(PlannedFailureError, SystemExit, KeyboardInterrupt):
        launch(first)
    launch(main)
    mark("the second run is over")


# --- reports ---


def fail_a_task(launch: Launch, gate: str) -> None:
    """Let a task fail that nothing waits for, and go on for a while."""
    del gate

    async def fail() -> None:
        raise PlannedFailureError("of a task")

    async def main(runtime: Runtime) -> None:
        mark(READY)
        await runtime.spawn_detached(fail)
        for _ in range(20):
            await runtime.sleep(0.005)
        mark("the main function ends")
        os.write(2, b"the main function ends\n")

    launch(main)


def forget_a_coroutine(launch: Launch, how: str, gate: str) -> None:
    """Call an async function and never await it."""
    del gate
    kept: list[Any] = []

    async def work() -> None:
        mark("it runs")

    async def main(runtime: Runtime) -> None:
        mark(READY)
        if how == "dropped":
            work()  # type: ignore[unused-coroutine]  # that is the case
            await runtime.sleep(0.01)
        else:
            kept.append(work())

    launch(main)


# --- interrupts at each stage ---


def interrupt_at(launch: Launch, stage: str, gate: str) -> None:
    """Stand at a stage of a program's life until an interrupt comes."""

    def here(name: str) -> None:
        if stage == name:
            mark(READY)
            _compute()

    async def main(runtime: Runtime) -> None:
        here("the main function computes")

        async def task() -> None:
            here("a task computes")
            await runtime.create_event().wait()

        try:
            async with runtime.open_task_group() as group:
                await group.spawn(task)
                if stage == "all wait":
                    await runtime.sleep(0.05)
                    mark(READY)
                    await runtime.create_event().wait()
                if stage == "a thread job runs":
                    await runtime.run_in_thread(_ready_and_block, gate)
                await group.cancel()
        finally:
            here("a clean-up computes")

    atexit.register(here, "atexit")
    here("before the run")
    launch(main)
    here("after the run")


def _ready_and_block(gate: str) -> None:
    mark(READY)
    block_on(gate)


def _compute() -> None:
    """Compute for far longer than any question waits."""
    latest = time.monotonic() + 20
    while time.monotonic() < latest:
        pass
    mark("no interrupt came")


def handle_sigterm(launch: Launch, where: str, gate: str) -> None:
    """Exit by a handler of SIGTERM that Python calls in the main thread."""
    del gate

    def leave(_number: int, _frame: object) -> None:
        mark("the handler runs")
        sys.exit(EXIT_CODE)

    async def main(runtime: Runtime) -> None:
        async def task() -> None:
            try:
                if where == "a task computes":
                    mark(READY)
                    _compute()
                await runtime.create_event().wait()
            finally:
                mark("the task is cleaned up")

        async with runtime.open_task_group() as group:
            await group.spawn(task)
            if where == "all wait":
                await runtime.sleep(0.05)
                mark(READY)
            await runtime.create_event().wait()

    signal.signal(signal.SIGTERM, leave)
    launch(main)
