"""Clauses of functions that run with a time-out, behind a shield, or abandoned."""

from __future__ import annotations

from harness.api import Capability, ErrorKind, Runtime, TaskGroup

from .clause import clause, require, require_equal, require_error, settle, until

_DEADLINE = (Capability.DEADLINE,)
_CANCEL = (Capability.GROUP_CANCEL,)
_DETACHED = (Capability.DETACHED,)
_FLOAT_GRAIN = 1e-6


class PlannedError(Exception):
    """The error of a function here."""


async def give_back(runtime: Runtime, *args: object) -> tuple[object, ...]:
    """Return the arguments, behind a wait."""
    await runtime.checkpoint()
    return args


async def fail(runtime: Runtime, word: str) -> None:
    """Raise `PlannedError`, behind a wait."""
    await runtime.checkpoint()
    raise PlannedError(word)


@clause("a function's result comes back in time", of="Runtime.run_with_timeout", requires=_DEADLINE)
async def timely_result(runtime: Runtime) -> None:
    """Hand over arguments; the wait behind it is not cut off."""
    result = await runtime.run_with_timeout(3600, give_back, runtime, 1, "two")
    await runtime.sleep(0.001)
    require_equal("result", expected=(1, "two"), actual=result)


@clause("a function's exception comes back in time", of="Runtime.run_with_timeout", requires=_DEADLINE)
async def timely_exception(runtime: Runtime) -> None:
    """Require the very class, with its arguments."""
    try:
        result: object = await runtime.run_with_timeout(3600, fail, runtime, "planned")
    except PlannedError as exc:
        result = exc.args
    require_equal("arguments of the exception", expected=("planned",), actual=result)


@clause(
    "a function that is too slow is ended, then the deadline is raised",
    of="Runtime.run_with_timeout",
    requires=_DEADLINE,
)
async def too_slow(runtime: Runtime) -> None:
    """Wait for what never comes, with a clean-up that waits where it may."""
    ends: list[str] = []

    async def wait() -> None:
        try:
            await runtime.create_event().wait()
            ends.append("went on")
        finally:
            ends.append("ended")

    started = runtime.now()
    await require_error(runtime, ErrorKind.DEADLINE, lambda: runtime.run_with_timeout(0.1, wait))
    early = started + 0.1 - runtime.now()
    require_equal("how it ended", expected=["ended"], actual=ends)
    require(early <= _FLOAT_GRAIN, f"a time-out of 0.1 s passed {early:g} s early")


@clause(
    "a cancelled caller takes along a function with a time-out",
    of="Runtime.run_with_timeout",
    requires=(*_DEADLINE, *_CANCEL),
)
async def timeout_is_no_shield(runtime: Runtime) -> None:
    """Cancel the caller; the function has ended before the caller's group has."""
    ends: list[str] = []
    started = runtime.create_event()

    async def wait() -> None:
        try:
            await started.set()
            await runtime.create_event().wait()
            ends.append("went on")
        finally:
            ends.append("ended")

    async with runtime.open_task_group() as group:
        await group.spawn(runtime.run_with_timeout, 3600, wait)
        await started.wait()
        await group.cancel()
    require_equal("how it ended", expected=["ended"], actual=ends)


@clause("a shielded function's result comes back", of="Runtime.run_shielded")
async def shielded_result(runtime: Runtime) -> None:
    """Hand over arguments."""
    require_equal("result", expected=(1, "two"), actual=await runtime.run_shielded(give_back, runtime, 1, "two"))


@clause("a shielded function's exception comes back", of="Runtime.run_shielded")
async def shielded_exception(runtime: Runtime) -> None:
    """Require the very class, with its arguments."""
    try:
        result: object = await runtime.run_shielded(fail, runtime, "planned")
    except PlannedError as exc:
        result = exc.args
    require_equal("arguments of the exception", expected=("planned",), actual=result)


@clause(
    "a shielded function runs to its end although its caller is cancelled", of="Runtime.run_shielded", requires=_CANCEL
)
async def shield_holds(runtime: Runtime) -> None:
    """Cancel the caller from outside its group while the function waits; the caller is left at its next wait."""
    started, leave, ended = runtime.create_event(), runtime.create_event(), runtime.create_event()
    groups: list[TaskGroup] = []
    steps: list[str] = []

    async def work() -> None:
        try:
            await started.set()
            await leave.wait()
            await runtime.checkpoint()
            steps.append("the work is done")
        finally:
            await ended.set()

    async def caller() -> None:
        async with runtime.open_task_group() as group:
            groups.append(group)
            await runtime.run_shielded(work)
            await runtime.sleep(0.001)
            steps.append("the caller went on")

    async with runtime.open_task_group() as outer:
        await outer.spawn(caller)
        await started.wait()
        await groups[0].cancel()
        await settle(runtime)
        await leave.set()
    await ended.wait()
    require_equal("steps", expected=["the work is done"], actual=steps)


@clause("a detached task runs", of="Runtime.spawn_detached", requires=_DETACHED)
async def detached_runs(runtime: Runtime) -> None:
    """Let it and its parent wait for each other once, with its name among those of the live tasks meanwhile."""
    ping, pong, seen = runtime.create_event(), runtime.create_event(), []

    def is_described() -> bool:
        return any(snapshot.name == "detached" for snapshot in runtime.tasks())

    async def task(*args: object) -> None:
        seen.append(args)
        await ping.wait()
        await pong.set()

    await runtime.spawn_detached(task, 1, "two", name="detached")
    await until(runtime, is_described)
    await ping.set()
    await pong.wait()
    require_equal("arguments", expected=[(1, "two")], actual=seen)


@clause(
    "a detached task outlives its parent's group and its cancellation",
    of="Runtime.spawn_detached",
    requires=(*_DETACHED, *_CANCEL),
)
async def detached_outlives(runtime: Runtime) -> None:
    """Cancel the group in which it was started; it waits on, and ends at its own signal."""
    leave, ended, started = runtime.create_event(), runtime.create_event(), runtime.create_event()
    steps: list[str] = []

    async def task() -> None:
        try:
            await started.set()
            await leave.wait()
            await runtime.checkpoint()
            steps.append("went on")
        finally:
            await ended.set()

    async def parent() -> None:
        await runtime.spawn_detached(task)
        await runtime.create_event().wait()

    async with runtime.open_task_group() as group:
        await group.spawn(parent)
        await started.wait()
        await group.cancel()
    steps.append("told to end")
    await leave.set()
    await ended.wait()
    require_equal("steps", expected=["told to end", "went on"], actual=steps)
