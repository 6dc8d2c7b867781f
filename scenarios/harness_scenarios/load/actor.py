"""actor: a task manager behind a mailbox.

Question: how many requests does an actor answer, and how soon, while the tasks that it started run and some fail?

Contract: each request gets its own answer, once; an unknown task is an answer and no hang; the states of a task go
forward only; a task that fails is reported as failed and affects no other task.

Clients send `start`, `status` and `list` through one bounded mailbox, each with a channel for its one reply. The end
of a task is reported through the same mailbox, so that the manager alone knows the states and needs no lock. One pass
warms up, two are measured; all are checked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from time import perf_counter_ns
from typing import Any, NamedTuple

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
    bounded,
    grid,
    info,
    metric,
)
from harness_scenarios.parts.percentiles import PERCENTILES, compute_percentiles, distribute, distribution_chart

_MEASURED_TALKS = 2
_LAST = ("done", "failed")
_RANK = {"started": 0, "running": 1, "done": 2, "failed": 2}
_UNKNOWN = "unknown"
_NOBODY = -1
"""A number that no task has."""


class _Request(NamedTuple):
    """Message of a client or a task to the manager."""

    verb: str
    tag: tuple[int, int]
    """Client and number of the request: what its answer must carry."""
    task: int = _NOBODY
    state: str = ""
    reply: SendChannel | None = None


class _Answer(NamedTuple):
    """Reply of the manager to one request."""

    tag: tuple[int, int]
    value: Any


class TaskFailedError(Exception):
    """Raised by tasks that fail on purpose."""


class Manager:
    """Starts tasks and knows their states. Only its own task touches them."""

    def __init__(self, runtime: Runtime, probe: Probe, group: TaskGroup, mailbox: SendChannel) -> None:
        self._runtime = runtime
        self._group = group
        self._mailbox = mailbox
        self.fails_every: int = probe.parameters["fails_every"]
        self._states: dict[int, str] = {}
        self._owner: dict[int, int] = {}
        self.ended: Counter[str] = Counter()

    async def serve(self, receive: ReceiveChannel, stop: tuple[int, int]) -> None:
        """Answer requests until the one that says to stop."""
        while True:
            request = await receive.receive()
            if request.tag == stop:
                return
            await self._handle(request)

    async def _handle(self, request: _Request) -> None:
        match request.verb:
            case "start":
                task = await self._start(request.tag[0])
                await self._answer(request, task)
            case "status":
                await self._answer(request, self._states.get(request.task, _UNKNOWN))
            case "list":
                await self._answer(request, sorted(t for t, owner in self._owner.items() if owner == request.tag[0]))
            case "report":
                self._states[request.task] = request.state
                self.ended[request.state] += request.state in _LAST

    async def _start(self, client: int) -> int:
        task = len(self._states)
        self._states[task], self._owner[task] = "started", client
        await self._group.spawn(self._work, task)
        return task

    async def _answer(self, request: _Request, value: object) -> None:
        assert request.reply is not None
        await request.reply.send(_Answer(request.tag, value))

    async def _work(self, task: int) -> None:
        await self._report(task, "running")
        try:
            await self._runtime.checkpoint()
            if task % self.fails_every == 0:
                raise TaskFailedError(task)
        except TaskFailedError:
            await self._report(task, "failed")
        else:
            await self._report(task, "done")

    async def _report(self, task: int, state: str) -> None:
        await self._mailbox.send(_Request("report", (_NOBODY, task), task, state))


class Client:
    """Sends requests to the manager and checks its answers."""

    def __init__(self, runtime: Runtime, probe: Probe, mailbox: SendChannel, number: int) -> None:
        self._runtime = runtime
        self._probe = probe
        self._mailbox = mailbox
        self._number = number
        self._tasks: list[int] = []
        self._rank: dict[int, int] = {}
        self.counts: Counter[str] = Counter()
        self.latencies_ns: list[int] = []

    async def run(self) -> None:
        """Start tasks, look at each, and follow all of them to their end."""
        for _ in range(self._probe.parameters["tasks"]):
            if (task := await self._ask("start")) is not None:
                self._tasks.append(task)
                self._look(task, await self._ask("status", task))
            self.counts["unknown tasks known"] += await self._ask("status", _NOBODY) not in (_UNKNOWN, None)
            self._probe.advance()
        self.counts["lists wrong"] += await self._ask("list") not in (self._tasks, None)
        for task in self._tasks:
            while not self._look(task, await self._ask("status", task)):
                await self._runtime.checkpoint()
                self._probe.advance()

    async def _ask(self, verb: str, task: int = _NOBODY) -> Any:
        """Return the value of the answer, or `None` if the answer carries the tag of another request."""
        tag = (self._number, self.counts["requests"])
        self.counts["requests"] += 1
        send, receive = self._runtime.open_channel(1)
        asked_ns = perf_counter_ns()
        await self._mailbox.send(_Request(verb, tag, task, "", send))
        answer = await receive.receive()
        self.latencies_ns.append(perf_counter_ns() - asked_ns)
        is_ours = answer.tag == tag
        self.counts["answers right" if is_ours else "answers of others"] += 1
        self.counts["answers too many"] += send.buffered()
        await send.aclose()
        await receive.aclose()
        return answer.value if is_ours else None

    def _look(self, task: int, state: str | None) -> bool:
        """Count violations that a state shows; return whether to stop asking."""
        if state is None or state not in _RANK:
            self.counts["known tasks unknown"] += state is not None
            return True
        self.counts["states backwards"] += _RANK[state] < self._rank.get(task, 0)
        self._rank[task] = _RANK[state]
        return state in _LAST


async def main(runtime: Runtime, probe: Probe) -> None:
    """Let clients talk to a manager, once to warm up and then timed, and observe the answers of each client."""
    talks: list[_Talk] = []
    for _ in range(1 + _MEASURED_TALKS):
        talks.append(_Talk(runtime, probe))
        if not await talks[-1].run():
            break  # the next talk would wait just as long for the same missing answer
    _report(probe, talks)


class _Talk:
    """A manager and its clients, from the first request to the last answer."""

    def __init__(self, runtime: Runtime, probe: Probe) -> None:
        self._runtime = runtime
        self._probe = probe
        self.clients: list[Client] = []
        self.ended: Counter[str] = Counter()
        self.duration_ns = 0

    async def run(self) -> bool:
        """Let them talk; return whether they came to an end before the patience did."""
        runtime, parameters = self._runtime, self._probe.parameters
        mailbox, receive = runtime.open_channel(parameters["capacity"])
        stop = (_NOBODY, _NOBODY)
        start_ns = perf_counter_ns()
        async with runtime.open_task_group() as tasks:
            manager = Manager(runtime, self._probe, tasks, mailbox)
            self.ended = manager.ended
            self.clients = [Client(runtime, self._probe, mailbox, number) for number in range(parameters["clients"])]
            await tasks.spawn(manager.serve, receive, stop)
            async with runtime.move_on_after(parameters["patience"]) as scope, runtime.open_task_group() as asking:
                for client in self.clients:
                    await asking.spawn(client.run)
            self.duration_ns = perf_counter_ns() - start_ns
            if scope.cancelled_caught:
                await tasks.cancel()
            else:
                await mailbox.send(_Request("stop", stop))
        await mailbox.aclose()
        await receive.aclose()
        return not scope.cancelled_caught

    def find_latencies(self) -> list[int]:
        """Return the ns from each request to its answer."""
        return [latency for client in self.clients for latency in client.latencies_ns]


def _report(probe: Probe, talks: Sequence[_Talk]) -> None:
    counts = sum((client.counts for talk in talks for client in talk.clients), Counter[str]())
    ended = sum((talk.ended for talk in talks), Counter[str]())
    started = probe.parameters["clients"] * probe.parameters["tasks"]
    failing = len(range(0, started, probe.parameters["fails_every"]))
    probe.observe("requests", counts["requests"])
    for key in ("answers right", *_MISTAKES):
        probe.observe(key, counts[key])
    probe.observe("answers missing", counts["requests"] - counts["answers right"] - counts["answers of others"])
    probe.observe("tasks without an end", started * len(talks) - ended.total())
    probe.observe("failures misreported", abs(ended["failed"] - failing * len(talks)))
    measured = talks[1:]
    for talk in measured:
        probe.observe("requests per second", len(talk.find_latencies()) * 1e9 / talk.duration_ns)
    latencies = [latency for talk in measured for latency in talk.find_latencies()]
    probe.observe("latency distribution", distribute(latencies))
    for name, figure in compute_percentiles(latencies).items():
        probe.observe(f"latency {name}", figure / 1000)


# --- declaration ---

_MISTAKES: dict[str, str] = {
    "answers too many": "one request has one answer, so that nothing is left where it came",
    "answers of others": "an answer goes to the request that it answers, by a channel of its own",
    "states backwards": "a task that has started goes on to run and to end, and never back",
    "known tasks unknown": "the manager knows every task that it started",
    "unknown tasks known": "asked for a task that it never started, the manager says so",
    "lists wrong": "a client's list has each task that it started, once",
}
_JUDGES: dict[str, Judge] = {
    "requests per second": metric("1/s", better="higher"),
    **{f"latency {name}": metric("µs") for name in PERCENTILES},
    "latency max": info("µs"),
    "latency distribution": info(),
    "requests": info(),
    "answers right": info(),
    "answers missing": bounded(at_most=0, reason="every request is answered, also one for an unknown task"),
    **{key: bounded(at_most=0, reason=reason) for key, reason in _MISTAKES.items()},
    "tasks without an end": bounded(
        at_least=0, at_most=0, reason="each task reports how it ended, once, also one that fails"
    ),
    "failures misreported": bounded(at_most=0, reason="as many tasks are reported as failed as do fail"),
}

_PARAMETERS = (
    Parameter(name="clients", default=5, summary="clients that ask at the same time", at_least=1),
    Parameter(name="tasks", default=50, summary="tasks that each client starts", at_least=1),
    Parameter(name="capacity", default=8, summary="requests that the mailbox holds", at_least=1),
    Parameter(name="fails_every", default=3, summary="every so many-th task fails", at_least=1),
    Parameter(name="patience", default=10.0, summary="limit of all the requests of one pass", unit="s", at_least=0),
)

actor = Scenario(
    name="actor",
    question="How many requests does an actor answer, and how soon, while its own tasks run and fail?",
    contract=(
        "Each request gets its own answer, once; an unknown task is an answer and no hang.",
        "The states of a task go forward only.",
        "A task that fails is reported as failed, and no other task fails with it.",
    ),
    ref="harness_scenarios.load.actor:actor",
    roles={"main": main},
    parameters=_PARAMETERS,
    judges=_JUDGES,
    headline="requests per second",
    charts=(distribution_chart("latency"),),
    rows={
        "quick": ({"tasks": 20},),
        "default": ({}, {"capacity": 1}, {"clients": 1}),
        "thorough": grid(clients=(1, 5, 50), capacity=(1, 8, 1000)),
    },
    conserved={"requests": ("answers right", "answers of others", "answers missing")},
    requires=(Capability.DEADLINE, Capability.GROUP_CANCEL, Capability.CHANNEL),
    cpu_bound=True,
    timeout=60.0,
    hang_after=15.0,
    summary="a task manager behind a mailbox: start, status and list, answered through one-shot channels",
)
