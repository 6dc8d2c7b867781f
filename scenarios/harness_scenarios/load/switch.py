"""switch: many tasks that do nothing but yield to each other.

Question: what does it cost to let another task run?

Contract: every task runs to its end, with every yield it has to make; a yield lets others run.

The tasks wait for one event, so that the clock covers yields and not the start of tasks. One value warms up, three are
measured. The order of the tasks is recorded before that, with few tasks: recording costs as much as a fast yield. The
measured unit is a yield; where only a small share of the yields lets another task run, a switch costs so much more.

`cpus` keeps the role to some CPUs. That is a treatment of its own: threads that hand over to each other are faster on
one CPU than on two.
"""

from __future__ import annotations

from itertools import pairwise
from time import perf_counter_ns

from harness.api import (
    Event,
    Judge,
    Parameter,
    Probe,
    Runtime,
    Scenario,
    allowed,
    bounded,
    forbidden,
    grid,
    info,
    metric,
    outcomes,
)
from harness_scenarios.parts.affinity import CPUS
from harness_scenarios.parts.posix import keep_to_cpus

_MEASURED_VALUES = 3
_BATCH = 100
"""Yields between two reports of progress."""
_STARTING_YIELDS = 2
"""Yields in which the tasks start: at one, trio may let the task that yields go on first. A task that has not started
by then is not waited for, because one that never does is to be counted."""
_WATCHED_TASKS = 10
_WATCHED_TURNS = 1000


async def main(runtime: Runtime, probe: Probe) -> None:
    """Watch a few tasks take turns, then measure all of them."""
    probe.observe("CPUs", keep_to_cpus(probe.parameters["cpus"]))
    await _report_turns(runtime, probe)
    for number in range(1 + _MEASURED_VALUES):
        crowd = _Crowd(runtime, probe)
        duration_ns = await crowd.run()
        crowd.report()
        if number:
            probe.observe("ns per switch", duration_ns / (crowd.tasks * crowd.yields))


class _Crowd:
    """Tasks that yield; each writes into a place of its own, so that threads lose no count."""

    def __init__(self, runtime: Runtime, probe: Probe) -> None:
        self._runtime = runtime
        self._probe = probe
        self.tasks: int = probe.parameters["tasks"]
        self.yields: int = probe.parameters["yields"]
        self._done = [0] * self.tasks

    async def run(self) -> int:
        """Let all yield to their end and return the time it took, in ns."""
        go = self._runtime.create_event()
        async with self._runtime.open_task_group() as group:
            for index in range(self.tasks):
                await group.spawn(self._yield_often, index, go)
            for _ in range(_STARTING_YIELDS):
                await self._runtime.checkpoint()
            start_ns = perf_counter_ns()
            await go.set()
        return perf_counter_ns() - start_ns

    async def _yield_often(self, index: int, go: Event) -> None:
        checkpoint, advance = self._runtime.checkpoint, self._probe.advance
        await go.wait()
        for start in range(0, self.yields, _BATCH):
            batch = min(_BATCH, self.yields - start)
            for _ in range(batch):
                await checkpoint()
            self._done[index] += batch
            advance(batch)

    def report(self) -> None:
        """Observe the yields that were missing when the group had ended."""
        self._probe.observe("tasks not run to their end", sum(done < self.yields for done in self._done))
        self._probe.observe("yields missing", self.tasks * self.yields - sum(self._done))


async def _report_turns(runtime: Runtime, probe: Probe) -> None:
    turns = await _watch_turns(runtime, _WATCHED_TASKS)
    # If no yield lets others run the tasks run one after another, and the task changes when one has ended.
    probe.observe("a yield lets others run", "yes" if _count_changes(turns) >= _WATCHED_TASKS else "never")
    tasks = min(_WATCHED_TASKS, probe.parameters["tasks"])
    if tasks < _WATCHED_TASKS:
        # Two threads take turns less often than ten: each may go on before the other one has woken.
        turns = await _watch_turns(runtime, tasks)
    if tasks > 1:
        probe.observe("yields at which another ran", _count_changes(turns) / max(1, len(turns) - 1) * 100)


async def _watch_turns(runtime: Runtime, tasks: int) -> list[int]:
    """Return which task ran, turn after turn."""
    turns: list[int] = []  # `append` is atomic on every runtime, also on threads
    go = runtime.create_event()

    async def take_turns(index: int) -> None:
        await go.wait()
        for _ in range(_WATCHED_TURNS // tasks):
            turns.append(index)
            await runtime.checkpoint()

    async with runtime.open_task_group() as group:
        for index in range(tasks):
            await group.spawn(take_turns, index)
        await go.set()
    return turns


def _count_changes(turns: list[int]) -> int:
    return sum(before != after for before, after in pairwise(turns))


# --- declaration ---

_JUDGES: dict[str, Judge] = {
    "ns per switch": metric("ns"),
    "tasks not run to their end": bounded(at_most=0, reason="a task group does not end before its tasks have"),
    "yields missing": bounded(at_most=0, reason="every task goes on after each yield"),
    "a yield lets others run": outcomes(
        {
            "yes": allowed("ready tasks got a turn while another one had more to do"),
            "never": forbidden("each task ran to its end before another one got a turn: the yields did nothing"),
        }
    ),
    "yields at which another ran": info("%"),
    "CPUs": info(),
}

_PARAMETERS = (
    Parameter(name="tasks", default=200, summary="tasks that yield to each other", at_least=1),
    Parameter(name="yields", default=1000, summary="yields of each task", at_least=1),
    CPUS,
)

switch = Scenario(
    name="switch",
    question="What does it cost to let another task run?",
    contract=(
        "Every task runs to its end, and the group does not end before.",
        "Every task goes on after each of its yields.",
        "A yield lets other ready tasks run.",
    ),
    ref="harness_scenarios.load.switch:switch",
    roles={"main": main},
    parameters=_PARAMETERS,
    judges=_JUDGES,
    headline="ns per switch",
    rows={
        "quick": ({"tasks": 200, "yields": 100},),
        "default": (
            {"tasks": 200, "yields": 100},
            {"tasks": 200, "yields": 100, "cpus": 1},
            {"tasks": 2, "yields": 10_000},
            {"tasks": 2, "yields": 10_000, "cpus": 1},
        ),
        "thorough": (
            *grid(tasks=(2,), yields=(50_000,), cpus=(None, 1)),
            *grid(tasks=(200,), yields=(1000,), cpus=(None, 1)),
            *grid(tasks=(2000,), yields=(100,), cpus=(None, 1)),
        ),
    },
    cpu_bound=True,
    work="yields",
    timeout=60.0,
    hang_after=10.0,
    summary="many tasks that do nothing but yield to each other",
    catches=("child-never-starts", "checkpoint-yields-nothing", "exits-silently"),
)
