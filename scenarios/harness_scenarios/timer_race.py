"""One operation against one timer, and the book in which the outcomes of many such races are kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, fields
from typing import Any, Self

from harness.api import CancelScope, ErrorKind, ReceiveChannel, Runtime, SendChannel


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
    items_still_there: int = 0
    items_lost: int = 0
    items_duplicated: int = 0
    losers_not_started: int = 0
    losers_not_cancelled_once: int = 0
    timers_early: int = 0
    stray_cancellations: int = 0
    nested_wrong: int = 0
    inner_due_first: int = 0
    inner_ended_first: int = 0

    def add(self, other: Self) -> None:
        """Add what another task has counted."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    def count_loser(self, loser: Contender) -> None:
        """Count a side that did not complete: it has to have ended, by one cancellation."""
        if not loser.started:
            self.losers_not_started += 1
        elif loser.cancellations != 1 or not loser.ended:
            self.losers_not_cancelled_once += 1

    def count_items(self, sent: int, delivered: Iterable[Any], still_there: Iterable[Any]) -> None:
        """Count the items of one race, which are `range(sent)`, by where they are now."""
        left = list(still_there)
        found = [*delivered, *left]
        known = set(range(sent)).intersection(found)
        self.items_sent += sent
        self.items_still_there += len(left)
        self.items_lost += sent - len(known)
        self.items_duplicated += len(found) - len(known)


class Verdict:
    """What the caller of a race learned: what the operation delivered, and whether the time was over.

    With neither or both the race was not decided, and the counts of a cell do not add up.
    """

    __slots__ = ("delivered", "timed_out")

    def __init__(self) -> None:
        self.delivered: list[Any] = []
        self.timed_out = False

    def count(self, tally: Tally) -> None:
        """Count who won."""
        tally.operations_won += bool(self.delivered)
        tally.timers_won += self.timed_out


async def race_in_scope(
    entering: AbstractAsyncContextManager[CancelScope], operation: Contender, tally: Tally
) -> Verdict:
    """Race by a cancel scope around the operation."""
    verdict = Verdict()
    async with entering as scope:
        verdict.delivered.append(await operation())
    verdict.timed_out = scope.cancelled_caught
    verdict.count(tally)
    if not verdict.delivered:
        tally.count_loser(operation)
    return verdict


async def race_by_select(runtime: Runtime, operation: Contender, timer: Contender, tally: Tally) -> Verdict:
    """Race by `first_completed`. When both complete the operation has won: its result is there."""
    verdict = Verdict()
    completed = await runtime.first_completed(operation, timer)
    indices = [index for index, _ in completed]
    verdict.delivered.extend(result for index, result in completed if index == 0)
    verdict.timed_out = 1 in indices and 0 not in indices
    verdict.count(tally)
    for index, contender in enumerate((operation, timer)):
        if index not in indices:
            tally.count_loser(contender)
    return verdict


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


async def outlive(runtime: Runtime, seconds: float, tally: Tally) -> None:
    """Wait behind races. A cancellation that arrives here was meant for a race, and all of them have ended."""
    try:
        await runtime.sleep(seconds)
    except BaseException as exc:
        if not runtime.is_cancelled(exc):
            raise
        tally.stray_cancellations += 1
