"""timeout-select: N operations each race a timer; the winner decides, the loser is cancelled.

Question: when a timer and an operation race, who wins, what becomes of the loser and its item, and what does it cost?

Contract: no timer fires early, by the runtime's own clock (`Runtime.now`); a loser that has started is cancelled once
and has ended when the select returns; an item is delivered or still in its channel, never lost and never both; of
nested deadlines each ends its own block, when its time has come; no timer or task is left behind.

Who wins is set up by the parameter `winner`:

- `never`: nobody sends, so the timer wins. Lateness is measured.
- `always`: the item is there before the select starts, so the operation wins. The cost of a select is measured, while
  the timers of `n - 1` other tasks are outstanding.
- `tie`: the item is sent by a task whose own timer is due at the very time at which the operation's is.
- `cancelling`: the item is sent in the tick in which the operation is cancelled, just before or just after.
- `nested`: two deadlines, of which the outer is earlier, the inner is earlier, or both are at once.

`via` is the idiom: a scope with a deadline, or `first_completed` with a function that sleeps.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from time import perf_counter, perf_counter_ns, process_time_ns
from typing import Any

from harness.api import (
    Capability,
    Judge,
    Parameter,
    Probe,
    ReceiveChannel,
    Runtime,
    Scenario,
    SendChannel,
    TaskGroup,
    allowed,
    bounded,
    info,
    metric,
    outcomes,
)

from .percentiles import compute_percentiles
from .timer_race import Contender, Tally, Verdict, drain, outlive, race_by_select, race_in_scope

_CLOCK_GRAIN = 1e-6
"""Seconds by which readings of one clock may differ without a meaning: they are sums of floats, and asyncio ends what
is due within the resolution of its clock (1 ns)."""
_MEASURED_VALUES = 3
_BATCH = 256
"""Selects between two checkpoints, in which a scheduler may tidy up the timers that were cancelled."""
_FAR = 3600.0
"""Seconds; a deadline that must not decide anything."""
_CHECKED_RACES = 100
_SETTLING_CHECKPOINTS = 3
_PERCENTILES = ("p50", "p99", "max")

Contest = Callable[[Tally, int], Awaitable[None]]
"""One race, from its channel to what is left in it. Gets the book of its task and a number that varies its set-up."""


async def main(runtime: Runtime, probe: Probe) -> None:
    """Hold the races that the cell asks for, and look for tasks that are left."""
    tasks_before = len(runtime.dump_tasks())
    arena = _Arena(runtime, probe)
    cpu_ns = process_time_ns()
    await _WINNERS[probe.parameters["winner"]](arena)
    cpu_ns = process_time_ns() - cpu_ns
    arena.report()
    probe.observe("CPU per select", cpu_ns / 1000 / arena.due)
    probe.observe("tasks left", max(0, len(runtime.dump_tasks()) - tasks_before))


class _Arena:
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
        timer = Contender(runtime, partial(runtime.sleep, due - runtime.now()))
        return await race_by_select(runtime, operation, timer, tally)

    async def race_for(self, seconds: float, operation: Contender, tally: Tally) -> Verdict:
        """Race an operation against a timer of some seconds, as programs mostly do."""
        runtime = self.runtime
        if self.by_scope:
            return await race_in_scope(runtime.move_on_after(seconds), operation, tally)
        return await race_by_select(runtime, operation, Contender(runtime, partial(runtime.sleep, seconds)), tally)

    def is_before(self, due: float) -> bool:
        """Return whether a time has not come yet, by the runtime's clock."""
        return self.runtime.now() < due - _CLOCK_GRAIN

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


# --- never ready: the timer wins ---


async def _hold_never(arena: _Arena) -> None:
    late: list[float] = []
    late_by_wall: list[float] = []

    async def contest(tally: Tally, turn: int) -> None:
        del turn
        send, receive, operation = arena.open_race()
        wall, due = perf_counter(), arena.runtime.now() + arena.seconds
        verdict = await arena.race_for(arena.seconds, operation, tally)
        late.append(arena.runtime.now() - due)
        late_by_wall.append(perf_counter() - wall - arena.seconds)
        tally.timers_early += late_of(late[-1])
        tally.count_items(0, verdict.delivered, await drain(arena.runtime, send, receive))

    await arena.hold_all(contest)
    _report_lateness(arena.probe, late, late_by_wall)
