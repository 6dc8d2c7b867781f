"""One operation against one timer: the race, the book of what became of many, and the arena where they are held."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Self

from harness.api import CancelScope, ErrorKind, Probe, ReceiveChannel, Runtime, SendChannel

CLOCK_GRAIN = 1e-6
"""Seconds by which readings of one clock may differ without a meaning: they are sums of floats, and asyncio ends
timers that are due within the resolution of its clock (1 ns)."""


class Contender:
    """One side of a race: an awaitable, and the outcome of its wait. Call it once."""

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
    """Result of a race for its caller: the item that the operation delivered, and whether the time was over.

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
    entering: AbstractAsyncContextManager[CancelScope],
    operation: Contender,
    tally: Tally,
    entered: Callable[[CancelScope], object] = id,
) -> Verdict:
    """Race by a cancel scope around the operation. `entered` receives the scope, so that others can cancel it."""
    verdict = Verdict()
    async with entering as scope:
        entered(scope)
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
    """Close a channel and return the items that were still in it."""
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


Contest = Callable[[Tally, int], Awaitable[None]]
"""One race, from opening its channel to draining it. Takes a tally and a number that varies the set-up."""


class Arena:
    """Where the races of a cell are held."""

    def __init__(self, runtime: Runtime, probe: Probe) -> None:
        self.runtime = runtime
        self.probe = probe
        self.n: int = probe.parameters["n"]
        self.seconds: float = probe.parameters["deadline"]
        self.races: int = probe.parameters["races"]
        self.by_scope = probe.parameters["via"] == "deadline"
        self.due = 0
        """Selects that were to be held."""
        self.total = Tally()

    async def hold(self, contest: Contest, *, tasks: int, turns: int) -> None:
        """Hold the races in several tasks at once, in each one after another."""
        self.due += tasks * turns
        tallies = [Tally() for _ in range(tasks)]
        async with self.runtime.open_task_group() as group:
            for number, tally in enumerate(tallies):
                await group.spawn(self._take_turns, contest, tally, range(number, number + turns))
        for tally in tallies:
            self.total.add(tally)

    async def hold_all(self, contest: Contest) -> None:
        """Hold the cell's number of races, with `n` outstanding."""
        await self.hold(contest, tasks=self.n, turns=max(1, self.races // self.n))

    async def _take_turns(self, contest: Contest, tally: Tally, turns: range) -> None:
        for turn in turns:
            await contest(tally, turn)
            await outlive(self.runtime, 0, tally)
            self.probe.advance()
        await outlive(self.runtime, 2 * self.seconds, tally)  # whatever timer a race has left fires in here

    def open_race(self) -> tuple[SendChannel, ReceiveChannel, Contender]:
        """Return a channel with room for one item, and the operation that waits for it."""
        send, receive = self.runtime.open_channel(1)
        return send, receive, Contender(self.runtime, receive.receive)

    async def race_until(self, due: float, operation: Contender, tally: Tally) -> Verdict:
        """Race an operation against a timer that is due at a time on the runtime's clock."""
        runtime = self.runtime
        if self.by_scope:
            return await race_in_scope(runtime.open_cancel_scope(deadline=due), operation, tally)
        return await race_by_select(runtime, operation, Contender(runtime, partial(self.sleep_until, due)), tally)

    async def race_for(self, seconds: float, operation: Contender, tally: Tally) -> Verdict:
        """Race an operation against a timer of some seconds, as programs mostly do."""
        runtime = self.runtime
        if self.by_scope:
            return await race_in_scope(runtime.move_on_after(seconds), operation, tally)
        return await race_by_select(runtime, operation, Contender(runtime, partial(runtime.sleep, seconds)), tally)

    async def sleep_until(self, due: float) -> None:
        """Sleep until a time on the runtime's clock, or not at all: a task may get its turn after that time."""
        await self.runtime.sleep(max(0.0, due - self.runtime.now()))

    def is_before(self, due: float) -> bool:
        """Return whether a time has not come yet, by the runtime's clock."""
        return self.runtime.now() < due - CLOCK_GRAIN

    def report(self) -> None:
        """Observe who won, and what became of losers, items and timers."""
        observe, total = self.probe.observe, self.total
        observe("selects", self.due)
        observe("operation won", total.operations_won)
        observe("timer won", total.timers_won)
        observe("items sent", total.items_sent)
        observe("items still in the channel", total.items_still_there)
        observe("items lost", total.items_lost)
        observe("items duplicated", total.items_duplicated)
        observe("losers not cancelled exactly once", total.losers_not_cancelled_once)
        observe("losers that never started", total.losers_not_started)
        observe("timers fired early", total.timers_early)
        observe("cancellations after the race", total.stray_cancellations)
