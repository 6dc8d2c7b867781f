"""timeout-select: N operations each race a timer; the winner decides, the loser is cancelled.

Question: when a timer and an operation race, who wins, what becomes of the loser and its item, and what does it cost?

Contract: no timer fires early, by the runtime's own clock (`Runtime.now`); a loser that has started is cancelled once
and has ended when the select returns; an item is delivered or still in its channel, never lost and never both; of
nested deadlines the scope whose time is over ends, and no other; no timer or task is left behind.

Who wins is set up by the parameter `winner`:

- `never`: nobody sends, so the timer wins. Lateness is measured.
- `always`: the item is there before the select starts, so the operation wins. The cost of a select is measured, with
  the timers of `n - 1` other tasks outstanding.
- `tie`: the item is sent by a task whose own timer is due at the very time at which the operation's is.
- `cancelling`: the item is sent in the tick in which the operation is cancelled, just before or just after.
- `nested`: two deadlines, the outer earlier, the inner earlier, or both at once.

`via` is the idiom: a scope with a deadline, or `first_completed` with a function that sleeps.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from time import perf_counter, process_time_ns

from harness.api import (
    Probe,
    Runtime,
)

from .race import (
    RACES,
    Contender,
    Tally,
    drain,
    pass_checkpoint,
    select,
)

_MEASURED_VALUES = 3
_BATCH = 256
"""Selects between two checkpoints, in which a scheduler may tidy up the timers that were cancelled."""
_FAR = 3600.0
"""Seconds; a deadline that must not decide anything."""
_CHECKED_RACES = 100
_PERCENTILES = ("p50", "p99", "max")


async def main(runtime: Runtime, probe: Probe) -> None:
    """Hold the races that the cell asks for, and look for tasks that are left."""
    tasks_before = len(runtime.dump_tasks())
    bench = _Bench(runtime, probe)
    cpu_ns = process_time_ns()
    await _WINNERS[probe.parameters["winner"]](bench)
    cpu_ns = process_time_ns() - cpu_ns
    bench.report(cpu_ns)
    probe.observe("tasks left", max(0, len(runtime.dump_tasks()) - tasks_before))


class _Bench:
    """The parameters of a cell, and what its races came to."""

    def __init__(self, runtime: Runtime, probe: Probe) -> None:
        parameters = probe.parameters
        self.runtime = runtime
        self.probe = probe
        self.n: int = parameters["n"]
        self.seconds: float = parameters["deadline"]
        self.races: int = parameters["races"]
        self.rounds = max(1, self.races // self.n)
        self.via: str = parameters["via"]
        self.race = RACES[self.via]
        self.due = 0
        """Selects that were to be held."""
        self.total = Tally()

    async def hold(self, contest: Callable[[Tally, int], Awaitable[None]]) -> None:
        """Hold the races in `n` tasks at once, each one after another."""
        self.due += self.n * self.rounds
        tallies = [Tally() for _ in range(self.n)]
        async with self.runtime.open_task_group() as group:
            for number, tally in enumerate(tallies):
                await group.spawn(self._hold_in_turn, contest, tally, number)
        for tally in tallies:
            self.total.add(tally)

    async def _hold_in_turn(self, contest: Callable[[Tally, int], Awaitable[None]], tally: Tally, number: int) -> None:
        for turn in range(self.rounds):
            await contest(tally, number + turn)
            await pass_checkpoint(self.runtime, tally)
            self.probe.advance()

    def report(self, cpu_ns: int) -> None:
        """Observe who won, and what became of losers and items."""
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
        observe("cancellations after the race", total.stray_cancellations)
        if self.probe.parameters["winner"] != "always":
            observe("CPU per select", cpu_ns / 1000 / self.due)


# --- never ready: the timer wins ---


async def _hold_never(bench: _Bench) -> None:
    runtime = bench.runtime
    late: list[float] = []
    late_by_wall: list[float] = []
    end_by_deadline = runtime.move_on_after

    async def contest(tally: Tally, _: int) -> None:
        send, receive = runtime.open_channel(1)
        operation = Contender(runtime, receive.receive)
        start, wall_start = runtime.now(), perf_counter()
        if bench.via == "deadline":
            verdict = await _race_in_time(end_by_deadline(bench.seconds), operation, tally)
        else:
            timer = Contender(runtime, partial(runtime.sleep, bench.seconds))
            verdict = await select(runtime, operation, timer, tally)
        end, wall_end = runtime.now(), perf_counter()
        late.append(end - start - bench.seconds)
        late_by_wall.append(wall_end - wall_start - bench.seconds)
        tally.count_items(0, verdict.delivered, await drain(runtime, send, receive))

    await bench.hold(contest)
    _report_lateness(bench.probe, late, late_by_wall)
