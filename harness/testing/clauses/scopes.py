"""Clauses of cancel scopes and deadlines."""

from __future__ import annotations

from typing import cast

from harness.api import CancelScope, Capability, ErrorKind, Runtime

from .clause import clause, require, require_equal

_DEADLINE = (Capability.DEADLINE,)
_SCOPE = (Capability.CANCEL_SCOPE,)
_FLOAT_GRAIN = 1e-6


@clause("a scope is left when it is cancelled from another task", of="CancelScope.cancel", requires=_SCOPE)
async def scope_cancel_from_outside(runtime: Runtime) -> None:
    """Cancel twice; the code behind the scope runs on."""
    steps: list[str] = []
    async with runtime.open_task_group() as group:
        async with runtime.open_cancel_scope() as scope:

            async def cancel() -> None:
                await scope.cancel()
                await scope.cancel()

            await group.spawn(cancel)
            await runtime.create_event().wait()
            steps.append("inside")
        steps.append("behind")
        await runtime.sleep(0.001)
        steps.append("after a wait")
    expected = (["behind", "after a wait"], True)
    require_equal("(steps, cancelled_caught)", expected=expected, actual=(steps, scope.cancelled_caught))


@clause("a scope that is cancelled from inside is left at the next wait", of="CancelScope.cancel", requires=_SCOPE)
async def scope_cancel_from_inside(runtime: Runtime) -> None:
    """Cancel the scope that runs; not `cancel` is where it is left."""
    steps: list[str] = []
    async with runtime.open_cancel_scope() as scope:
        await scope.cancel()
        steps.append("behind cancel")
        await runtime.create_event().wait()
        steps.append("behind the wait")
    expected = (["behind cancel"], True)
    require_equal("(steps, cancelled_caught)", expected=expected, actual=(steps, scope.cancelled_caught))


@clause("a scope that was cancelled before is left at its first wait", of="CancelScope.cancel", requires=_SCOPE)
async def scope_cancel_before_entering(runtime: Runtime) -> None:
    """Cancel what `open_cancel_scope` returned, then enter it."""
    steps: list[str] = []
    opened = runtime.open_cancel_scope()
    await cast("CancelScope", opened).cancel()
    async with opened as scope:
        await runtime.create_event().wait()
        steps.append("inside")
    await runtime.sleep(0.001)
    require_equal("(steps, cancelled_caught)", expected=([], True), actual=(steps, scope.cancelled_caught))


@clause("cancelling a scope that was left changes nothing", of="CancelScope.cancel", requires=_SCOPE)
async def scope_cancel_after_leaving(runtime: Runtime) -> None:
    """Cancel behind the block, where the code runs on."""
    steps: list[str] = []
    async with runtime.open_cancel_scope() as scope:
        await runtime.checkpoint()
    await scope.cancel()
    await runtime.sleep(0.001)
    steps.append("after a wait")
    require_equal("steps", expected=["after a wait"], actual=steps)


@clause("cancelling an inner scope leaves the outer one alone", of="CancelScope.cancel", requires=_SCOPE)
async def inner_scope_cancel(runtime: Runtime) -> None:
    """Cancel the inner one of two; the outer block goes on and can wait."""
    steps: list[str] = []
    async with runtime.open_cancel_scope() as outer:
        async with runtime.open_cancel_scope() as inner:
            await inner.cancel()
            await runtime.create_event().wait()
            steps.append("inside")
        await runtime.sleep(0.001)
        steps.append("outer goes on")
    require_equal("steps", expected=["outer goes on"], actual=steps)
    caught = (outer.cancelled_caught, inner.cancelled_caught)
    require_equal("cancelled_caught of outer and inner", expected=(False, True), actual=caught)


@clause("cancelling an outer scope leaves both", of="CancelScope.cancel", requires=_SCOPE)
async def outer_scope_cancel(runtime: Runtime) -> None:
    """Cancel the outer one of two; only it shows the cancellation."""
    steps: list[str] = []
    async with runtime.open_cancel_scope() as outer:
        async with runtime.open_cancel_scope() as inner:
            await outer.cancel()
            await runtime.create_event().wait()
        steps.append("between")
    await runtime.sleep(0.001)
    require_equal("steps", expected=[], actual=steps)
    caught = (outer.cancelled_caught, inner.cancelled_caught)
    require_equal("cancelled_caught of outer and inner", expected=(True, False), actual=caught)


@clause("a scope cancels the tasks of a group inside it", of="CancelScope.cancel", requires=_SCOPE)
async def scope_cancels_group_inside(runtime: Runtime) -> None:
    """Cancel around a group whose body has ended and whose task waits."""
    ends: list[str] = []

    async with runtime.open_cancel_scope() as scope, runtime.open_task_group() as group:

        async def child() -> None:
            try:
                await scope.cancel()
                await runtime.create_event().wait()
                ends.append("went on")
            finally:
                ends.append("child")

        await group.spawn(child)
    require_equal("(ends, cancelled_caught)", expected=(["child"], True), actual=(ends, scope.cancelled_caught))


@clause("a scope that was not cancelled shows it", of="CancelScope.cancelled_caught")
async def scope_untouched(runtime: Runtime) -> None:
    """Leave a scope by its end."""
    async with runtime.open_cancel_scope() as scope:
        await runtime.checkpoint()
    require_equal("cancelled_caught", expected=False, actual=scope.cancelled_caught)


@clause("a scope is not cancelled before its deadline", of="Runtime.open_cancel_scope", requires=_DEADLINE)
async def deadline_is_not_early(runtime: Runtime) -> None:
    """Compare by the runtime's own clock."""
    for seconds in (0.001, 0.005, 0.02):
        deadline = runtime.now() + seconds
        async with runtime.open_cancel_scope(deadline=deadline) as scope:
            await runtime.create_event().wait()
        early = deadline - runtime.now()
        require_equal("cancelled_caught", expected=True, actual=scope.cancelled_caught)
        require(early <= _FLOAT_GRAIN, f"a deadline in {seconds:g} s passed {early:g} s early")


@clause("a block that ends before its deadline is not cancelled", of="Runtime.move_on_after", requires=_DEADLINE)
async def deadline_not_reached(runtime: Runtime) -> None:
    """Leave two blocks in time; the waits behind them work."""
    async with runtime.move_on_after(3600) as relative:
        await runtime.sleep(0.001)
    async with runtime.open_cancel_scope(deadline=runtime.now() + 3600) as absolute:
        await runtime.sleep(0.001)
    await runtime.sleep(0.001)
    caught = (relative.cancelled_caught, absolute.cancelled_caught)
    require_equal("cancelled_caught", expected=(False, False), actual=caught)


@clause("a deadline does not reach behind its block", of="Runtime.open_cancel_scope", requires=_DEADLINE)
async def deadline_behind_block(runtime: Runtime) -> None:
    """Leave the block in time, then wait past its deadline."""
    async with runtime.move_on_after(0.005) as scope:
        pass
    await runtime.sleep(0.02)
    require_equal("cancelled_caught", expected=False, actual=scope.cancelled_caught)


@clause("an outer deadline that comes first ends both scopes", of="Runtime.open_cancel_scope", requires=_DEADLINE)
async def outer_deadline_first(runtime: Runtime) -> None:
    """Wait in both; only the outer one shows the cancellation."""
    async with runtime.move_on_after(0.01) as outer, runtime.move_on_after(3600) as inner:
        await runtime.create_event().wait()
    caught = (outer.cancelled_caught, inner.cancelled_caught)
    require_equal("cancelled_caught of outer and inner", expected=(True, False), actual=caught)


@clause(
    "an inner deadline that comes first leaves the outer scope alone",
    of="Runtime.open_cancel_scope",
    requires=_DEADLINE,
)
async def inner_deadline_first(runtime: Runtime) -> None:
    """Wait in both; the outer block goes on."""
    steps: list[str] = []
    async with runtime.move_on_after(3600) as outer:
        async with runtime.move_on_after(0.01) as inner:
            await runtime.create_event().wait()
        await runtime.sleep(0.001)
        steps.append("outer goes on")
    require_equal("steps", expected=["outer goes on"], actual=steps)
    caught = (outer.cancelled_caught, inner.cancelled_caught)
    require_equal("cancelled_caught of outer and inner", expected=(False, True), actual=caught)


@clause("nested scopes end each at its own deadline", of="Runtime.open_cancel_scope", requires=_DEADLINE)
async def each_deadline_its_own(runtime: Runtime) -> None:
    """Reach the inner deadline, then the outer one."""
    async with runtime.move_on_after(0.02) as outer:
        async with runtime.move_on_after(0.005) as inner:
            await runtime.create_event().wait()
        await runtime.create_event().wait()
    caught = (outer.cancelled_caught, inner.cancelled_caught)
    require_equal("cancelled_caught of outer and inner", expected=(True, True), actual=caught)


@clause("a deadline in the past ends the block at its next wait", of="Runtime.open_cancel_scope", requires=_DEADLINE)
async def deadline_in_the_past(runtime: Runtime) -> None:
    """Wait for what never comes."""
    async with runtime.open_cancel_scope(deadline=runtime.now() - 1) as scope:
        await runtime.create_event().wait()
    require_equal("cancelled_caught", expected=True, actual=scope.cancelled_caught)


@clause("fail_after raises what classify calls a deadline", of="Runtime.fail_after", requires=_DEADLINE)
async def fail_after_raises(runtime: Runtime) -> None:
    """Reach the deadline; the program goes on behind the error, which is no cancellation there."""
    seen: tuple[object, object] = (None, None)
    deadline = runtime.now() + 0.005
    try:
        async with runtime.fail_after(0.005):
            await runtime.create_event().wait()
    except BaseException as exc:  # noqa: BLE001 - its class is the runtime's, on curio a BaseException
        seen = (runtime.classify(exc), runtime.is_cancelled(exc))
    early = deadline - runtime.now()
    await runtime.sleep(0.001)
    require_equal("(kind, is_cancelled)", expected=(ErrorKind.DEADLINE, False), actual=seen)
    require(early <= _FLOAT_GRAIN, f"it raised {early:g} s early")


@clause("fail_after does nothing to a block that ends in time", of="Runtime.fail_after", requires=_DEADLINE)
async def fail_after_in_time(runtime: Runtime) -> None:
    """Leave in time; nothing is raised, then or when the time has come."""
    async with runtime.fail_after(0.005):
        pass
    await runtime.sleep(0.02)
    async with runtime.fail_after(3600):
        await runtime.checkpoint()
    await runtime.sleep(0.001)


@clause("fail_after inside a longer deadline raises its own", of="Runtime.fail_after", requires=_DEADLINE)
async def fail_after_inside_scope(runtime: Runtime) -> None:
    """Reach the inner deadline; the outer scope goes on."""
    kinds: list[ErrorKind] = []
    async with runtime.move_on_after(3600) as outer:
        try:
            async with runtime.fail_after(0.005):
                await runtime.create_event().wait()
        except BaseException as exc:  # noqa: BLE001 - its class is the runtime's
            kinds.append(runtime.classify(exc))
        await runtime.sleep(0.001)
    require_equal("kinds", expected=[ErrorKind.DEADLINE], actual=kinds)
    require_equal("cancelled_caught of the outer scope", expected=False, actual=outer.cancelled_caught)
