"""Clauses of task groups."""

from __future__ import annotations

import errno

from harness.api import Capability, ErrorKind, Runtime, TaskGroup

from .clause import clause, require, require_equal, settle

_GROUP = (Capability.GROUP_CANCEL,)


@clause("a group ends after its tasks", of="TaskGroup.spawn")
async def group_joins(runtime: Runtime) -> None:
    """Spawn a task that spawns another into the same group; both end before the block."""
    ended: list[str] = []

    async def grandchild() -> None:
        await settle(runtime)
        ended.append("grandchild")

    async with runtime.open_task_group() as group:

        async def child() -> None:
            await group.spawn(grandchild)
            await settle(runtime)
            ended.append("child")

        await group.spawn(child, name="child")
    require_equal("tasks that ended first", expected=["child", "grandchild"], actual=sorted(ended))


@clause("an empty group ends", of="Runtime.open_task_group")
async def empty_group_ends(runtime: Runtime) -> None:
    """Open a group without tasks, and one in another."""
    steps: list[str] = []
    async with runtime.open_task_group():
        async with runtime.open_task_group():
            steps.append("inner")
        steps.append("outer")
    require_equal("steps", expected=["inner", "outer"], actual=steps)


@clause("a task runs concurrently with the body", of="TaskGroup.spawn")
async def group_is_concurrent(runtime: Runtime) -> None:
    """Let each wait for the other once; if they did not run concurrently neither would go on."""
    ping, pong = runtime.create_event(), runtime.create_event()

    async def child() -> None:
        await ping.wait()
        await pong.set()

    async with runtime.open_task_group() as group:
        await group.spawn(child)
        await ping.set()
        await pong.wait()
    require(pong.is_set(), "the task did not answer")


@clause("spawn hands over its arguments", of="TaskGroup.spawn")
async def spawn_passes_arguments(runtime: Runtime) -> None:
    """Hand over three of different types."""
    seen: list[object] = []

    async def child(*args: object) -> None:
        seen.extend(args)

    async with runtime.open_task_group() as group:
        await group.spawn(child, 1, "two", None)
    require_equal("arguments", expected=[1, "two", None], actual=seen)


@clause("a group cancels all of its tasks and its body", of="TaskGroup.cancel", requires=_GROUP)
async def cancel_reaches_all(runtime: Runtime) -> None:
    """Cancel five tasks and a body that all wait for the same event."""
    never, started = runtime.create_event(), runtime.create_semaphore(0)
    ends: list[str] = []

    async def child() -> None:
        try:
            await started.release()
            await never.wait()
            ends.append("went on")
        finally:
            ends.append("child")

    async with runtime.open_task_group() as group:
        for _ in range(5):
            await group.spawn(child)
        for _ in range(5):
            await started.acquire()
        await group.cancel()
        await never.wait()
        ends.append("body went on")
    require_equal("how they ended", expected=["child"] * 5, actual=ends)


@clause("a group can be cancelled by its own task", of="TaskGroup.cancel", requires=_GROUP)
async def cancel_from_child(runtime: Runtime) -> None:
    """Cancel from a child while the body waits; nothing leaves the block."""
    reached: list[str] = []
    async with runtime.open_task_group() as group:
        await group.spawn(group.cancel)
        await runtime.create_event().wait()
        reached.append("behind the wait")
    await runtime.sleep(0.001)
    require_equal("steps inside", expected=[], actual=reached)


@clause("a group can be cancelled from outside", of="TaskGroup.cancel", requires=_GROUP)
async def cancel_from_outside(runtime: Runtime) -> None:
    """Cancel a group from a task that is not in it; that task and the one around the group go on."""
    opened, steps = runtime.create_event(), []
    groups: list[TaskGroup] = []

    async def owner() -> None:
        async with runtime.open_task_group() as inner:
            await inner.spawn(runtime.sleep, 3600)
            groups.append(inner)
            await opened.set()
            await runtime.create_event().wait()
            steps.append("inside")
        await runtime.sleep(0.001)
        steps.append("behind the group")

    async with runtime.open_task_group() as outer:
        await outer.spawn(owner)
        await opened.wait()
        await groups[0].cancel()
        await runtime.sleep(0.001)
    require_equal("steps", expected=["behind the group"], actual=steps)


@clause("a group whose body has ended can be cancelled", of="TaskGroup.cancel", requires=_GROUP)
async def cancel_while_joining(runtime: Runtime) -> None:
    """Cancel from a child while the block only waits for its tasks."""
    ends: list[str] = []

    async with runtime.open_task_group() as group:

        async def child() -> None:
            await settle(runtime)
            await group.cancel()

        async def waiter() -> None:
            await runtime.create_event().wait()
            ends.append("went on")

        await group.spawn(waiter)
        await group.spawn(child)
    await runtime.sleep(0.001)
    require_equal("what went on", expected=[], actual=ends)


@clause("a cancelled group is left by its own cancellation only", of="TaskGroup.cancel", requires=_GROUP)
async def inner_group_cancel_stays_inside(runtime: Runtime) -> None:
    """Cancel an inner group; the outer one still runs tasks and waits."""
    steps: list[str] = []
    async with runtime.open_task_group() as outer:
        async with runtime.open_task_group() as inner:
            await inner.spawn(runtime.sleep, 3600)
            await settle(runtime)
            await inner.cancel()
        done = runtime.create_event()
        await outer.spawn(done.set)
        await done.wait()
        steps.append("the outer group goes on")
    require_equal("steps", expected=["the outer group goes on"], actual=steps)


@clause("cancelling an outer group ends the groups inside it", of="TaskGroup.cancel", requires=_GROUP)
async def outer_group_cancel_goes_inside(runtime: Runtime) -> None:
    """Cancel two levels above the task that waits."""
    about, ends = runtime.create_event(), []

    async def deep() -> None:
        try:
            await about.set()
            await runtime.create_event().wait()
        finally:
            ends.append("deep")

    async def middle() -> None:
        async with runtime.open_task_group() as inner:
            await inner.spawn(deep)
        ends.append("middle went on")

    async with runtime.open_task_group() as outer:
        await outer.spawn(middle)
        await about.wait()
        await settle(runtime)
        await outer.cancel()
    require_equal("how they ended", expected=["deep"], actual=ends)


@clause("a task sees the cancellation as the runtime's own", of="Runtime.is_cancelled", requires=_GROUP)
async def cancellation_is_recognised(runtime: Runtime) -> None:
    """Ask about the cancellation, and about errors that are none."""
    seen: list[tuple[bool, ErrorKind]] = []
    about = runtime.create_event()

    async def child() -> None:
        try:
            await about.set()
            await runtime.create_event().wait()
        except BaseException as exc:
            seen.append((runtime.is_cancelled(exc), runtime.classify(exc)))
            raise

    async with runtime.open_task_group() as group:
        await group.spawn(child)
        await about.wait()
        await group.cancel()
    require_equal("(is_cancelled, kind)", expected=[(True, ErrorKind.CANCELLED)], actual=seen)
    others = [ValueError(), OSError(), TimeoutError(), KeyboardInterrupt(), GeneratorExit()]
    taken = [other for other in others if runtime.is_cancelled(other)]
    require_equal("other exceptions taken for it", expected=[], actual=taken)


@clause("errors are classified by their meaning", of="Runtime.classify")
async def errors_are_classified(runtime: Runtime) -> None:
    """Ask about errors of the system by errno, and about one that says nothing."""
    expected = {
        ConnectionRefusedError(errno.ECONNREFUSED, "refused"): ErrorKind.REFUSED,
        ConnectionResetError(errno.ECONNRESET, "reset"): ErrorKind.BROKEN,
        BrokenPipeError(errno.EPIPE, "broken pipe"): ErrorKind.BROKEN,
        OSError(errno.EMFILE, "too many open files"): ErrorKind.OUT_OF_FDS,
        ValueError("anything"): ErrorKind.OTHER,
    }
    wrong = {repr(exc): runtime.classify(exc) for exc, kind in expected.items() if runtime.classify(exc) is not kind}
    require_equal("errors taken for something else", expected={}, actual=wrong)
