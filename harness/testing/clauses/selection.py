"""Clauses of `first_completed`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from harness.api import Capability, Runtime

from .channels import receive_all
from .clause import clause, require, require_equal

_SELECT = (Capability.SELECT,)
_ITEMS = (Capability.SELECT, Capability.CHANNEL, Capability.CHANNEL_CLOSE)
_RACES = 200


def _loser(
    runtime: Runtime, ends: list[str]
) -> tuple[Callable[[], Awaitable[object]], Callable[[], Awaitable[object]]]:
    """Return a function that waits for ever and records how often it was cancelled, and a wait for its start."""
    about = runtime.create_event()

    async def lose() -> None:
        try:
            await about.set()
            await runtime.create_event().wait()
        except BaseException as exc:
            ends.append("cancelled" if runtime.is_cancelled(exc) else repr(exc))
            raise

    return lose, about.wait


@clause("first_completed returns the winner and joins the losers", of="Runtime.first_completed", requires=_SELECT)
async def select_joins_losers(runtime: Runtime) -> None:
    """Let one win when both losers wait; each loser is cancelled once and has ended."""
    ends: list[str] = []
    (one, one_waits), (two, two_waits) = _loser(runtime, ends), _loser(runtime, ends)

    async def winner() -> str:
        await one_waits()
        await two_waits()
        return "won"

    completed = await runtime.first_completed(one, winner, two)
    require_equal("(completed, losers)", expected=([(1, "won")], ["cancelled"] * 2), actual=(list(completed), ends))


@clause("first_completed of one function returns its result", of="Runtime.first_completed", requires=_SELECT)
async def select_of_one(runtime: Runtime) -> None:
    """Run one that waits and one that does not."""

    async def at_once() -> int:
        return 1

    async def later() -> int:
        await runtime.sleep(0.001)
        return 2

    results = [list(await runtime.first_completed(fn)) for fn in (at_once, later)]
    require_equal("completed", expected=[[(0, 1)], [(0, 2)]], actual=results)


@clause("first_completed loses no result of channels that are ready", of="Runtime.first_completed", requires=_ITEMS)
async def select_keeps_ready_items(runtime: Runtime) -> None:
    """Select on two channels with an item each: every item is returned, or still there."""
    for _ in range(_RACES):
        (send_a, receive_a), (send_b, receive_b) = runtime.open_channel(1), runtime.open_channel(1)
        await send_a.send(1)
        await send_b.send(2)
        completed = await runtime.first_completed(receive_a.receive, receive_b.receive)
        await send_a.aclose()
        await send_b.aclose()
        left: list[int] = []
        await receive_all(runtime, receive_a, left)
        await receive_all(runtime, receive_b, left)
        _require_conserved(completed, left)


@clause("first_completed loses no result that arrives in the same tick", of="Runtime.first_completed", requires=_ITEMS)
async def select_keeps_arriving_items(runtime: Runtime) -> None:
    """Send to two channels at once while a task selects on both: every item is returned, or still there."""
    for turn in range(_RACES):
        (send_a, receive_a), (send_b, receive_b) = runtime.open_channel(1), runtime.open_channel(1)
        results: list[Sequence[tuple[int, Any]]] = []
        left: list[int] = []

        async def selecting(into: list[Sequence[tuple[int, Any]]], *fns: Callable[[], Awaitable[Any]]) -> None:
            into.append(await runtime.first_completed(*fns))

        async with runtime.open_task_group() as group:
            await group.spawn(selecting, results, receive_a.receive, receive_b.receive)
            for _ in range(turn % 6):
                await runtime.checkpoint()
            await send_a.send(1)
            await send_b.send(2)
        await send_a.aclose()
        await send_b.aclose()
        await receive_all(runtime, receive_a, left)
        await receive_all(runtime, receive_b, left)
        require_equal("selections that ended", expected=1, actual=len(results))
        _require_conserved(results[0], left)


def _require_conserved(completed: Sequence[tuple[int, Any]], left: list[int]) -> None:
    require(completed, "first_completed returned nothing")
    require(all(item == index + 1 for index, item in completed), f"results of other functions: {completed!r}")
    found = sorted([*left, *(item for _, item in completed)])
    require(found == [1, 2], f"items returned or left: expected [1, 2], got {list(completed)!r} and {left!r}")


@clause(
    "first_completed raises the error of a function and joins the others",
    of="Runtime.first_completed",
    requires=_SELECT,
)
async def select_raises(runtime: Runtime) -> None:
    """Let one fail when the other waits; the class that the error is raised as is left open."""
    ends: list[str] = []
    lose, waits = _loser(runtime, ends)

    async def fail() -> None:
        await waits()
        raise ValueError("planned")

    raised: BaseException | None = None
    try:
        await runtime.first_completed(lose, fail)
    except BaseException as exc:
        if runtime.is_cancelled(exc):
            raise
        raised = exc
    require("planned" in _leaves(raised), f"expected the function's error, got {raised!r}")
    require_equal("losers", expected=["cancelled"], actual=ends)


def _leaves(exc: BaseException | None) -> list[str]:
    if isinstance(exc, BaseExceptionGroup):
        return [leaf for part in exc.exceptions for leaf in _leaves(part)]
    return [str(exc)]


@clause(
    "first_completed that is cancelled leaves no function behind",
    of="Runtime.first_completed",
    requires=(Capability.SELECT, Capability.CANCEL_SCOPE),
)
async def select_is_cancelled(runtime: Runtime) -> None:
    """Cancel from one of the functions while both wait."""
    ends: list[str] = []
    (one, _), (two, two_waits) = _loser(runtime, ends), _loser(runtime, ends)
    async with runtime.open_task_group() as group, runtime.open_cancel_scope() as scope:

        async def cancel() -> None:
            await two_waits()
            await scope.cancel()

        await group.spawn(cancel)
        await runtime.first_completed(one, two)
    require(scope.cancelled_caught, "the scope did not catch its cancellation")
    require(set(ends) == {"cancelled"}, f"how the functions ended: {ends!r}")
