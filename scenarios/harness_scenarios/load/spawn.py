"""spawn: start tasks, many at once, each from the one before, or each for one exchange over a channel.

Question: what does a task cost from its start to its end?

Contract: every task that is started runs, once, and has ended when its group has; the answer of a task over a channel
belongs to the number that it was sent.

`kind` selects how tasks are started:

- `many`: the body of the group starts all of them.
- `chained`: each task starts the next one, in the same group.
- `pingpong`: the body starts a task, sends it a number and waits for its answer before it starts the next one.

One value warms up, three are measured; a value is one group of tasks, or several one after another. The order in which
tasks of one group start is observed before that, with few tasks: no runtime promises it, but its frequency differs
between runtimes.

`cpus` keeps the role to some CPUs. That is a treatment of its own: threads that hand over to each other are faster on
one CPU than on two.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from time import perf_counter_ns

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
    Value,
    allowed,
    bounded,
    info,
    interesting,
    metric,
    outcomes,
)
from harness_scenarios.parts.affinity import CPUS
from harness_scenarios.parts.posix import keep_to_cpus

_MEASURED_VALUES = 3
_BATCH = 50
"""Tasks between two reports of progress."""
_WATCHED_TASKS = 10
_WATCHED_GROUPS = 10

IN_ORDER = "in the order in which they were spawned"
OTHERWISE = "in another order"


async def main(runtime: Runtime, probe: Probe) -> None:
    """Watch the order in which a few tasks start, then start all of them: once to warm up, then timed."""
    probe.observe("CPUs", keep_to_cpus(probe.parameters["cpus"]))
    for _ in range(_WATCHED_GROUPS):
        probe.observe("children start", await _watch_order(runtime))
        probe.advance()
    for number in range(1 + _MEASURED_VALUES):
        broods = [_Brood(runtime, probe) for _ in range(probe.parameters["groups"])]
        duration_ns = 0
        for brood in broods:
            duration_ns += await brood.run()
        _report(probe, broods)
        if number:
            probe.observe("ns per spawn", duration_ns / sum(brood.count for brood in broods))


class _Brood:
    """The tasks of one group; each writes into places of its own, so that threads lose no count."""

    def __init__(self, runtime: Runtime, probe: Probe) -> None:
        self._runtime = runtime
        self._probe = probe
        self.count: int = probe.parameters["count"]
        self._start_all: Callable[[TaskGroup], Awaitable[None]] = {
            "many": self._start_many,
            "chained": self._start_chain,
            "pingpong": self._play_pingpong,
        }[probe.parameters["kind"]]
        self.started = [0] * self.count
        self.ended = [0] * self.count
        self.wrong_answers = 0

    async def run(self) -> int:
        """Start every task, wait for the end of the group, and return the time it took, in ns."""
        start_ns = perf_counter_ns()
        async with self._runtime.open_task_group() as group:
            await self._start_all(group)
        return perf_counter_ns() - start_ns

    async def _start_many(self, group: TaskGroup) -> None:
        for index in range(self.count):
            await group.spawn(self._live, index)

    async def _live(self, index: int) -> None:
        self._begin(index)
        self.ended[index] += 1

    async def _start_chain(self, group: TaskGroup) -> None:
        await group.spawn(self._live_and_start_next, group, 0)

    async def _live_and_start_next(self, group: TaskGroup, index: int) -> None:
        self._begin(index)
        if index + 1 < self.count:
            await group.spawn(self._live_and_start_next, group, index + 1)
        self.ended[index] += 1

    async def _play_pingpong(self, group: TaskGroup) -> None:
        ping_send, ping_receive = self._runtime.open_channel(1)
        pong_send, pong_receive = self._runtime.open_channel(1)
        for index in range(self.count):
            await group.spawn(self._answer_one, ping_receive, pong_send, index)
            await ping_send.send(index)
            self.wrong_answers += await pong_receive.receive() != _answer_to(index)
        for end in (ping_send, pong_send, ping_receive, pong_receive):
            await end.aclose()

    async def _answer_one(self, pings: ReceiveChannel, pongs: SendChannel, index: int) -> None:
        self._begin(index)
        await pongs.send(_answer_to(await pings.receive()))
        self.ended[index] += 1

    def _begin(self, index: int) -> None:
        self.started[index] += 1
        if index % _BATCH == 0:
            self._probe.advance(_BATCH)


def _report(probe: Probe, broods: Sequence[_Brood]) -> None:
    """Observe the tasks that had not run, or had run twice, when each group had ended."""
    started = [times for brood in broods for times in brood.started]
    probe.observe("tasks that did not run", started.count(0))
    probe.observe("tasks that ran twice", sum(times > 1 for times in started))
    probe.observe("tasks not ended with their group", sum(started) - sum(sum(brood.ended) for brood in broods))
    if probe.parameters["kind"] == "pingpong":
        probe.observe("wrong answers", sum(brood.wrong_answers for brood in broods))


async def _watch_order(runtime: Runtime) -> str:
    began: list[int] = []  # `append` is atomic on every runtime, also on threads

    async def begin(index: int) -> None:
        began.append(index)
        await runtime.checkpoint()

    async with runtime.open_task_group() as group:
        for index in range(_WATCHED_TASKS):
            await group.spawn(begin, index)
    return IN_ORDER if began == sorted(began) else OTHERWISE


def _answer_to(ping: int) -> int:
    return -ping - 1


# --- declaration ---

_UNDEFINED = "no runtime promises an order"

_JUDGES: dict[str, Judge] = {
    "ns per spawn": metric("ns"),
    "tasks that did not run": bounded(at_most=0, reason="a task that was started in a group runs before it ends"),
    "tasks that ran twice": bounded(at_most=0, reason="a task that was started once runs once"),
    "tasks not ended with their group": bounded(at_most=0, reason="a group ends after all of its tasks have"),
    "wrong answers": bounded(
        at_most=0, reason="one number at a time is on the channels, so the answer is that to the last one sent"
    ),
    "children start": outcomes(
        {
            IN_ORDER: allowed(_UNDEFINED, "trio #970, BEHAVIOURS S08"),
            OTHERWISE: interesting(_UNDEFINED, "trio #970, BEHAVIOURS S08"),
        }
    ),
    "CPUs": info(),
}

_KINDS = ("many", "chained", "pingpong")

_PARAMETERS = (
    Parameter(name="kind", default="many", summary="which task starts others, and their work", choices=_KINDS),
    Parameter(name="count", default=1000, summary="tasks that are started in one group", at_least=1),
    Parameter(name="groups", default=1, summary="groups of a value, one after another", at_least=1),
    CPUS,
)


def _rows(count: int, **others: Value) -> Iterator[dict[str, Value]]:
    for kind in _KINDS:
        yield {"kind": kind, "count": count, **others}


spawn = Scenario(
    name="spawn",
    question="What does a task cost from its start to its end?",
    contract=(
        "Every task that is started runs, once.",
        "A group does not end before its tasks have, also those that its tasks have started.",
        "A task's answer over a channel belongs to its request.",
    ),
    ref="harness_scenarios.load.spawn:spawn",
    roles={"main": main},
    parameters=_PARAMETERS,
    judges=_JUDGES,
    headline="ns per spawn",
    rows={
        "quick": tuple(_rows(200)),
        # Fewer of a chain: on threads, where each task ends while the next one starts, it costs most.
        "default": (
            {"kind": "many", "count": 600},
            {"kind": "chained", "count": 300},
            {"kind": "pingpong", "count": 500},
            {"kind": "pingpong", "count": 500, "cpus": 1},
        ),
        "thorough": (*_rows(3000), *_rows(3000, cpus=1)),
    },
    requires=(Capability.CHANNEL,),
    cpu_bound=True,
    work="groups",
    timeout=60.0,
    hang_after=10.0,
    summary="start tasks: many at once, each from the one before, or each for one exchange over a channel",
    catches=("child-runs-twice",),
)
