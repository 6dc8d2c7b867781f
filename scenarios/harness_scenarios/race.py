"""One operation against one timer, and the book in which the outcomes of many such races are kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Self

from harness.api import ErrorKind, ReceiveChannel, Runtime, SendChannel

CLOCK_GRAIN = 1e-6
"""Seconds by which two readings of one clock may differ without a meaning: floats of a long uptime, and asyncio ends
what is due within the resolution of its clock."""


class Contender:
    """One side of a race: something to wait for, and what the wait saw. Call it once."""

    __slots__ = ("_runtime", "_wait", "cancellations", "ended", "started")

    def __init__(self, runtime: Runtime, wait: Callable[[], Awaitable[Any]]) -> None:
        self._runtime = runtime
        self._wait = wait
        self.started = False
        self.ended = False
        self.cancellations = 0

    async def __call__(self) -> Any:
        """Wait, and count a cancellation that ends the wait."""
        self.started = True
        try:
            return await self._wait()
        except BaseException as exc:
            self.cancellations += self._runtime.is_cancelled(exc)
            raise
        finally:
            self.ended = True


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of the races of one task. Each task keeps its own, so that threads do not share a counter."""

    operations_won: int = 0
    timers_won: int = 0
    items_sent: int = 0
    items_delivered: int = 0
    items_still_there: int = 0
    items_lost: int = 0
    items_duplicated: int = 0
    losers: int = 0
    losers_not_started: int = 0
    losers_not_cancelled_once: int = 0
    stray_cancellations: int = 0

    def add(self, other: Self) -> None:
        """Add what another task has counted."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    def count_winner(self, *, operation: bool, timer: bool) -> None:
        """Count who won. An operation that delivered has won; both, or neither, makes the sum wrong.

        Args:
            operation: whether the operation delivered something.
            timer: whether the caller was told that the time was over.
        """
        self.operations_won += operation
        self.timers_won += timer

    def count_loser(self, loser: Contender) -> None:
        """Count a side that did not complete: it has to have ended by one cancellation."""
        self.losers += 1
        if not loser.started:
            self.losers_not_started += 1
        elif loser.cancellations != 1 or not loser.ended:
            self.losers_not_cancelled_once += 1

    def count_items(self, sent: int, delivered: Iterable[Any], still_there: Iterable[Any]) -> None:
        """Count the items of one race (`range(sent)`) by where they are now."""
        delivered, still_there = list(delivered), list(still_there)
        found = delivered + still_there
        known = set(range(sent)).intersection(found)
        self.items_sent += sent
        self.items_delivered += len(delivered)
        self.items_still_there += len(still_there)
        self.items_lost += sent - len(known)
        self.items_duplicated += len(found) - len(known)


class Verdict:
    """What the caller of a select learned: what the operation delivered, and whether the time was over."""

    __slots__ = ("delivered", "timed_out")

    def __init__(self) -> None:
        self.delivered: list[Any] = []
        self.timed_out = False


async def race_in_scope(runtime: Runtime, operation: Contender, due: float, tally: Tally) -> Verdict:
    """Race by a cancel scope with a deadline: the idiom of structured concurrency."""
    verdict = Verdict()
    async with runtime.open_cancel_scope(deadline=due) as scope:
        verdict.delivered.append(await operation())
    verdict.timed_out = scope.cancelled_caught
    tally.count_winner(operation=bool(verdict.delivered), timer=verdict.timed_out)
    if not verdict.delivered:
        tally.count_loser(operation)
    return verdict


async def race_by_select(runtime: Runtime, operation: Contender, due: float, tally: Tally) -> Verdict:
    """Race two functions, the second of which sleeps."""
    timer = Contender(runtime, partial(runtime.sleep, due - runtime.now()))
    return await select(runtime, operation, timer, tally)


async def select(runtime: Runtime, operation: Contender, rival: Contender, tally: Tally) -> Verdict:
    """Race two contenders by `first_completed`. When both complete, the operation has won: its result is there."""
    verdict = Verdict()
    completed = await runtime.first_completed(operation, rival)
    verdict.delivered.extend(result for index, result in completed if index == 0)
    rival_completed = any(index == 1 for index, _ in completed)
    verdict.timed_out = rival_completed and not verdict.delivered
    tally.count_winner(operation=bool(verdict.delivered), timer=verdict.timed_out)
    if not verdict.delivered:
        tally.count_loser(operation)
    if not rival_completed:
        tally.count_loser(rival)
    return verdict


RACES = {"deadline": race_in_scope, "select": race_by_select}
"""The two idioms, by the value of the parameter `via`."""


async def drain(runtime: Runtime, send: SendChannel, receive: ReceiveChannel) -> list[Any]:
    """Close a channel and return what was still in it."""
    await send.aclose()
    left: list[Any] = []
    try:
        while True:
            left.append(await receive.receive())
    except Exception as exc:
        if runtime.classify(exc) is not ErrorKind.END_OF_CHANNEL:
            raise
    await receive.aclose()
    return left


async def pass_checkpoint(runtime: Runtime, tally: Tally) -> None:
    """Wait once behind a race. A cancellation that arrives here was meant for the race, which has ended."""
    try:
        await runtime.checkpoint()
    except BaseException as exc:
        if not runtime.is_cancelled(exc):
            raise
        tally.stray_cancellations += 1
