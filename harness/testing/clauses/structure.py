"""Clauses of clock, task groups, cancel scopes and deadlines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from harness.api import Capability, ErrorKind, Runtime

from .clause import clause, settle, until

_DEADLINE = (Capability.DEADLINE,)
_SCOPE = (Capability.CANCEL_SCOPE,)
_GROUP = (Capability.GROUP_CANCEL,)
_FLOAT_GRAIN = 1e-6
"""Two readings of a float clock differ by rounding."""


@clause("sleep does not return before its time", of="Runtime.sleep")
async def sleep_is_never_early(runtime: Runtime) -> None:
    """By the runtime's own clock."""
    early = []
    for seconds in (0.001, 0.002, 0.005, 0.011, 0.02):
        before = runtime.now()
        await runtime.sleep(seconds)
        if runtime.now() - before < seconds - _FLOAT_GRAIN:
            early.append((seconds, runtime.now() - before))
    assert early == []


@clause("the clock is monotonic", of="Runtime.now")
async def clock_is_monotonic(runtime: Runtime) -> None:
    """It never goes back."""
    readings = []
    for _ in range(200):
        readings.append(runtime.now())
        await runtime.checkpoint()
    assert readings == sorted(readings)


@clause("a checkpoint lets another ready task run", of="Runtime.checkpoint")
async def checkpoint_yields(runtime: Runtime) -> None:
    """In a bounded number of checkpoints."""
    ran: list[str] = []

    async def other() -> None:
        ran.append("other")

    async with runtime.open_task_group() as group:
        await group.spawn(other)
        for _ in range(100_000):
            if ran:
                break
            await runtime.checkpoint()
    assert ran == ["other"]


@clause("a group ends after its tasks", of="TaskGroup.spawn")
async def group_joins(runtime: Runtime) -> None:
    """Also those that were spawned by its tasks."""
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
    assert sorted(ended) == ["child", "grandchild"]


@clause("a task runs concurrently with the body", of="TaskGroup.spawn")
async def group_is_concurrent(runtime: Runtime) -> None:
    """Each waits for the other once."""
    ping, pong = runtime.create_event(), runtime.create_event()

    async def child() -> None:
        await ping.wait()
        await pong.set()

    async with runtime.open_task_group() as group:
        await group.spawn(child)
        await ping.set()
        await pong.wait()
    assert pong.is_set()


@clause("spawn hands over its arguments", of="TaskGroup.spawn")
async def spawn_passes_arguments(runtime: Runtime) -> None:
    """In order."""
    seen: list[object] = []

    async def child(*args: object) -> None:
        seen.extend(args)

    async with runtime.open_task_group() as group:
        await group.spawn(child, 1, "two", None)
    assert seen == [1, "two", None]


async def _in_sleep(runtime: Runtime) -> None:
    await runtime.sleep(3600)


async def _in_event(runtime: Runtime) -> None:
    await runtime.create_event().wait()


async def _in_lock(runtime: Runtime) -> None:
    lock = runtime.create_lock()
    async with lock, runtime.open_task_group() as group:
        await group.spawn(lock.acquire)


async def _in_semaphore(runtime: Runtime) -> None:
    semaphore = runtime.create_semaphore(1)
    await semaphore.acquire()
    async with runtime.open_task_group() as group:
        await group.spawn(semaphore.acquire)


async def _in_condition(runtime: Runtime) -> None:
    condition = runtime.create_condition()
    async with condition:
        await condition.wait()


async def _in_receive(runtime: Runtime) -> None:
    _send, receive = runtime.open_channel(1)
    await receive.receive()


async def _in_full_send(runtime: Runtime) -> None:
    send, _receive = runtime.open_channel(1)
    await send.send(1)
    await send.send(2)


async def _in_rendezvous_send(runtime: Runtime) -> None:
    send, _receive = runtime.open_channel(0)
    await send.send(1)


async def _in_accept(runtime: Runtime) -> None:
    listener = await runtime.listen()
    try:
        await listener.accept()
    finally:
        await listener.aclose()


async def _in_stream_read(runtime: Runtime) -> None:
    listener = await runtime.listen()
    stream = await runtime.connect(*listener.address)
    try:
        await stream.receive_some(10)
    finally:
        await stream.abort()
        await listener.aclose()


def _register_waits() -> None:
    waits: dict[str, Callable[[Runtime], Awaitable[None]]] = {
        "sleep": _in_sleep,
        "event": _in_event,
        "lock": _in_lock,
        "semaphore": _in_semaphore,
        "condition": _in_condition,
        "receive": _in_receive,
        "full send": _in_full_send,
        "rendezvous send": _in_rendezvous_send,
        "accept": _in_accept,
        "stream read": _in_stream_read,
    }
    for name, wait in waits.items():
        _register_wait(name, wait)


def _register_wait(name: str, wait: Callable[[Runtime], Awaitable[None]]) -> None:
    @clause(f"cancelling a group wakes a task that waits in {name}", of="TaskGroup.cancel", requires=_GROUP)
    async def group_cancel_wakes(runtime: Runtime) -> None:
        async with runtime.open_task_group() as group:
            await group.spawn(wait, runtime)
            await settle(runtime)
            await group.cancel()

    @clause(f"a deadline ends a wait in {name}", of="Runtime.move_on_after", requires=_DEADLINE)
    async def deadline_ends(runtime: Runtime) -> None:
        async with runtime.move_on_after(0.01) as scope:
            await wait(runtime)
        assert scope.cancelled_caught


_register_waits()


@clause("a group can be cancelled by its own task", of="TaskGroup.cancel", requires=_GROUP)
async def cancel_from_child(runtime: Runtime) -> None:
    """The body, which waits, is woken as well, and nothing is raised."""
    reached: list[str] = []
    async with runtime.open_task_group() as group:
        await group.spawn(group.cancel)
        await runtime.create_event().wait()
        reached.append("behind the wait")
    assert reached == []


@clause("a task sees the cancellation as the runtime's own", of="Runtime.is_cancelled", requires=_GROUP)
async def cancellation_is_recognised(runtime: Runtime) -> None:
    """`is_cancelled` knows it, `classify` names it, and another exception is not one."""
    seen: list[tuple[bool, ErrorKind]] = []

    async def child() -> None:
        try:
            await runtime.create_event().wait()
        except BaseException as exc:
            seen.append((runtime.is_cancelled(exc), runtime.classify(exc)))
            raise

    async with runtime.open_task_group() as group:
        await group.spawn(child)
        await settle(runtime)
        await group.cancel()
    assert seen == [(True, ErrorKind.CANCELLED)]
    assert not runtime.is_cancelled(ValueError())
    assert runtime.classify(ValueError()) is ErrorKind.OTHER


@clause("a scope is left when it is cancelled from another task", of="CancelScope.cancel", requires=_SCOPE)
async def scope_cancel_from_outside(runtime: Runtime) -> None:
    """Code behind it runs on; a second cancel changes nothing."""
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
    assert (steps, scope.cancelled_caught) == (["behind", "after a wait"], True)


@clause("a scope that is cancelled from inside is left at the next wait", of="CancelScope.cancel", requires=_SCOPE)
async def scope_cancel_from_inside(runtime: Runtime) -> None:
    """And not before."""
    steps: list[str] = []
    async with runtime.open_cancel_scope() as scope:
        await scope.cancel()
        steps.append("behind cancel")
        await runtime.create_event().wait()
        steps.append("behind the wait")
    assert (steps, scope.cancelled_caught) == (["behind cancel"], True)


@clause("a scope that nobody cancelled says so", of="CancelScope.cancelled_caught")
async def scope_untouched(runtime: Runtime) -> None:
    """It ended by itself."""
    async with runtime.open_cancel_scope() as scope:
        await runtime.checkpoint()
    assert not scope.cancelled_caught


@clause("a scope is not cancelled before its deadline", of="Runtime.open_cancel_scope", requires=_DEADLINE)
async def deadline_is_not_early(runtime: Runtime) -> None:
    """By the runtime's own clock."""
    deadline = runtime.now() + 0.02
    async with runtime.open_cancel_scope(deadline=deadline) as scope:
        await runtime.create_event().wait()
    assert scope.cancelled_caught
    assert runtime.now() >= deadline - _FLOAT_GRAIN


@clause("an outer deadline that comes first ends both scopes", of="Runtime.open_cancel_scope", requires=_DEADLINE)
async def outer_deadline_first(runtime: Runtime) -> None:
    """And only the outer one says that it was cancelled."""
    async with runtime.move_on_after(0.01) as outer, runtime.move_on_after(3600) as inner:
        await runtime.create_event().wait()
    assert (outer.cancelled_caught, inner.cancelled_caught) == (True, False)


@clause(
    "an inner deadline that comes first leaves the outer scope alone",
    of="Runtime.open_cancel_scope",
    requires=_DEADLINE,
)
async def inner_deadline_first(runtime: Runtime) -> None:
    """The outer block goes on."""
    steps: list[str] = []
    async with runtime.move_on_after(3600) as outer:
        async with runtime.move_on_after(0.01) as inner:
            await runtime.create_event().wait()
        await runtime.sleep(0.001)
        steps.append("outer goes on")
    assert (steps, outer.cancelled_caught, inner.cancelled_caught) == (["outer goes on"], False, True)


@clause("a deadline in the past ends the block at its next wait", of="Runtime.open_cancel_scope", requires=_DEADLINE)
async def deadline_in_the_past(runtime: Runtime) -> None:
    """A wait that would never end ends at once."""
    async with runtime.open_cancel_scope(deadline=runtime.now() - 1) as scope:
        await runtime.create_event().wait()
    assert scope.cancelled_caught


@clause("fail_after raises what classify calls a deadline", of="Runtime.fail_after", requires=_DEADLINE)
async def fail_after_raises(runtime: Runtime) -> None:
    """And the program goes on behind it."""
    kind = None
    try:
        async with runtime.fail_after(0.005):
            await runtime.create_event().wait()
    except BaseException as exc:  # noqa: BLE001 - its class is the runtime's, on curio a BaseException
        kind = runtime.classify(exc)
    await runtime.sleep(0.001)
    assert kind is ErrorKind.DEADLINE


@clause("fail_after does nothing to a block that ends in time", of="Runtime.fail_after", requires=_DEADLINE)
async def fail_after_in_time(runtime: Runtime) -> None:
    """Nothing is raised, then or later."""
    async with runtime.fail_after(3600):
        await runtime.checkpoint()
    await runtime.sleep(0.001)


@clause("a cancelled group is left by its own cancellation only", of="TaskGroup.cancel", requires=_GROUP)
async def inner_group_cancel_stays_inside(runtime: Runtime) -> None:
    """Waits behind it work."""
    async with runtime.open_task_group() as outer:
        async with runtime.open_task_group() as inner:
            await inner.spawn(runtime.sleep, 3600)
            await settle(runtime)
            await inner.cancel()
        done = runtime.create_event()
        await outer.spawn(done.set)
        await done.wait()
    assert done.is_set()


@clause(
    "first_completed returns the winner and joins the losers",
    of="Runtime.first_completed",
    requires=(Capability.SELECT,),
)
async def select_joins_losers(runtime: Runtime) -> None:
    """Each loser is cancelled once and has ended."""
    ended: list[str] = []

    async def loser() -> None:
        try:
            await runtime.create_event().wait()
        finally:
            ended.append("loser")

    async def winner() -> str:
        await settle(runtime)
        return "won"

    completed = await runtime.first_completed(loser, winner)
    assert (list(completed), ended) == ([(1, "won")], ["loser"])


@clause("first_completed loses no result", of="Runtime.first_completed", requires=(Capability.SELECT,))
async def select_keeps_results(runtime: Runtime) -> None:
    """Items of two ready channels are returned, or still there; 50 times."""
    for _ in range(50):
        (send_a, receive_a), (send_b, receive_b) = runtime.open_channel(1), runtime.open_channel(1)
        await send_a.send("a")
        await send_b.send("b")
        completed = await runtime.first_completed(receive_a.receive, receive_b.receive)
        assert completed
        await send_a.aclose()
        await send_b.aclose()
        left = [item async for item in _drain(runtime, receive_a)] + [item async for item in _drain(runtime, receive_b)]
        assert sorted([*left, *(result for _, result in completed)]) == ["a", "b"]


async def _drain(runtime: Runtime, receive: object):  # type: ignore[no-untyped-def]  # noqa: ANN202
    while True:
        try:
            item = await receive.receive()  # type: ignore[attr-defined]
        except Exception as exc:  # noqa: BLE001 - its class is the runtime's
            assert runtime.classify(exc) is ErrorKind.END_OF_CHANNEL, repr(exc)
            return
        yield item


@clause("dump_tasks gives text and never raises", of="Runtime.dump_tasks")
async def dump_is_text(runtime: Runtime) -> None:
    """A waiting task is in it."""
    release = runtime.create_event()
    async with runtime.open_task_group() as group:
        await group.spawn(release.wait)
        await settle(runtime)
        lines = runtime.dump_tasks()
        await release.set()
    assert lines
    assert all(isinstance(line, str) for line in lines)


@clause("the scheduler is a live object", of="Runtime.scheduler")
async def scheduler_is_an_object(runtime: Runtime) -> None:
    """The same at each call."""
    assert runtime.scheduler() is not None
    assert type(runtime.scheduler()) is type(runtime.scheduler())


@clause("several waits can be awaited until a condition", of="Runtime.sleep")
async def sleep_lets_others_run(runtime: Runtime) -> None:
    """Sleeping gives the others their turn."""
    ran: list[int] = []

    async def child(number: int) -> None:
        ran.append(number)

    async with runtime.open_task_group() as group:
        for number in range(3):
            await group.spawn(child, number)
        await until(runtime, lambda: len(ran) == 3)
    assert sorted(ran) == [0, 1, 2]
