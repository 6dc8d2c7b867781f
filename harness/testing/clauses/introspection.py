"""Clauses of a runtime's introspection: its tasks, its timers, its scheduler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from fnmatch import fnmatchcase

from harness.api import BackendRunner, Capability, Runtime, TaskSnapshot, Wait

from .clause import clause, require, require_equal, until

_FAR = 1000.0


def _named(snapshots: Sequence[TaskSnapshot], name: str) -> list[TaskSnapshot]:
    return [snapshot for snapshot in snapshots if snapshot.name == name]


@clause("each task that waits is described once, by its name and its frames", of="Runtime.tasks")
async def tasks_have_name_and_frames(runtime: Runtime) -> None:
    """Let two tasks wait, each in a function of its own, and look at them until both have come to their wait."""
    release = runtime.create_event()
    found: dict[str, list[TaskSnapshot]] = {}

    async def first() -> None:
        await release.wait()

    async def second() -> None:
        await release.wait()

    def have_frames() -> bool:
        snapshots = runtime.tasks()
        found.update({name: _named(snapshots, name) for name in ("the first", "the second")})
        return all(any(snapshot.frames for snapshot in named) for named in found.values())

    async with runtime.open_task_group() as group:
        await group.spawn(first, name="the first")
        await group.spawn(second, name="the second")
        await until(runtime, have_frames)
        await release.set()
    require_equal("how often each is there", expected=[1, 1], actual=[len(named) for named in found.values()])
    for function, (snapshot,) in zip(("first", "second"), found.values(), strict=True):
        places = [frame.f_code.co_name for frame in snapshot.frames]
        require(function in places, f"the frames of the task in {function!r} are those of {places}")


@clause("the object of a task's wait is right, or not given", of="Runtime.tasks")
async def waits_are_right(runtime: Runtime) -> None:
    """Let a task wait for an event, one for a lock and one for a channel; compare when each is in its wait."""
    event, lock = runtime.create_event(), runtime.create_lock()
    send, receive = runtime.open_channel(1)
    waits: dict[str, tuple[Callable[[], Awaitable[object]], Wait]] = {
        "on event": (event.wait, Wait.EVENT),
        "on lock": (lock.acquire, Wait.LOCK),
        "on channel": (receive.receive, Wait.RECEIVE),
    }
    found: dict[str, TaskSnapshot] = {}

    def have_come() -> bool:
        found.update({snapshot.name: snapshot for snapshot in runtime.tasks() if snapshot.name in waits})
        return len(found) == len(waits) and all(snapshot.frames for snapshot in found.values())

    async def wait(call: Callable[[], Awaitable[object]]) -> None:
        await call()

    await lock.acquire()
    async with runtime.open_task_group() as group:
        for name, (call, _) in waits.items():
            await group.spawn(wait, call, name=name)
        await until(runtime, have_come)
        await runtime.sleep(0.01)
        have_come()
        await event.set()
        await lock.release()
        await send.send(1)
    wrong = {
        name: found[name].waits_for for name, (_, kind) in waits.items() if found[name].waits_for not in (None, kind)
    }
    require_equal("waits that are called something else", expected={}, actual=wrong)


@clause("a task that has ended is not described any more", of="Runtime.tasks")
async def ended_tasks_are_gone(runtime: Runtime) -> None:
    """Look until it is gone, for at most as long as a clause has."""

    async def end() -> None:
        await runtime.checkpoint()

    async with runtime.open_task_group() as group:
        await group.spawn(end, name="short")
    await until(runtime, lambda: not _named(runtime.tasks(), "short"))


@clause(
    "the time-out of a task that waits is among the timers, and not behind it",
    of="Runtime.timers",
    requires=(Capability.DEADLINE,),
)
async def time_outs_are_timers(runtime: Runtime) -> None:
    """Wait in a time-out that is far away; another task looks."""
    about, release = runtime.create_event(), runtime.create_event()
    inside: list[bool] = []

    def is_there() -> bool:
        return any(abs(time - due) < 1 for time in runtime.timers())

    async def look() -> None:
        await about.wait()
        # Let the other one come to its wait; it need not have done so to be in its time-out.
        await runtime.checkpoint()
        inside.append(is_there())
        await release.set()

    due = runtime.now() + _FAR
    async with runtime.open_task_group() as group:
        await group.spawn(look)
        async with runtime.move_on_after(_FAR):
            await about.set()
            await release.wait()
    require_equal("whether the time-out is shown", expected=[True], actual=inside)
    require(not is_there(), "the time-out is still told behind its block")


@clause("the scheduler is the one that the runner expects", of="Runtime.scheduler", with_runner=True)
async def scheduler_is_expected(runtime: Runtime, runner: BackendRunner) -> None:
    """Compare its class with the runner's glob, as the attestation of a worker does."""
    scheduler = runtime.scheduler()
    found = f"{type(scheduler).__module__}.{type(scheduler).__qualname__}"
    wanted = runner.expected_scheduler
    require(fnmatchcase(found, wanted), f"the class of the scheduler: expected {wanted!r}, got {found!r}")
    require(runtime.scheduler() is scheduler, "the scheduler is another object at each call")
