"""idle: many tasks or connections that wait, then all at once.

Question: what does one cost that only waits, and how long does it take until all have answered?

Contract: every one of them answers, exactly once, and with an answer of its own; until then it takes no CPU.

With `kind=tasks` the server's tasks wait for one event, and the client has nothing to do. With `kind=connections`
each connection is kept by a task of the client and a task of the server that waits to read from it; once all are
there the client sends a request on each. That all are idle is known by count, not by a pause.
"""

from __future__ import annotations

from array import array
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from time import perf_counter_ns, process_time_ns

from harness.api import (
    ByteStream,
    Capability,
    Event,
    Judge,
    Parameter,
    Probe,
    Runtime,
    Scenario,
    TaskGroup,
    bounded,
    grid,
    info,
    metric,
)
from harness_scenarios.parts.posix import read_peak_memory_bytes, read_resident_bytes
from harness_scenarios.parts.serving import receive_exactly, serve_until_client_ends
from harness_scenarios.parts.whole_message import receive_to_eof

_TAG_BYTES = 4
_POLL_SECONDS = 0.002
_IDLE_SECONDS = 0.1
_ENOUGH_NS = 50_000_000
"""Time in which the process could have slept, of which its CPU time is a share."""
_MOST_LOOKS = 20
_ERRORS_KEPT = 5


class _Answers:
    """What each idle one has answered. Safe between threads: each writes its own place, `append` is atomic."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._given: list[int] = []
        self._wrong: list[int] = []
        self._errors: list[str] = []
        self._last_ns = array("q", [0]) * number

    def give(self, index: int) -> None:
        """Count an answer."""
        self._last_ns[index] = perf_counter_ns()
        self._given.append(index)

    def refuse(self, index: int) -> None:
        """Count something that is not the answer."""
        self._wrong.append(index)

    def fail(self, exc: Exception) -> None:
        """Keep what stopped one of them."""
        self._errors.append(f"{type(exc).__name__}: {exc}"[:300])

    def all_ended(self) -> bool:
        """Return whether each has answered, or never will."""
        return len(self._given) + len(self._wrong) + len(self._errors) >= self._number

    def report(self, probe: Probe, activated_ns: int) -> None:
        """Observe the counts and, if all have answered, how long that took."""
        answered = len(set(self._given))
        probe.observe("idle ones", self._number)
        probe.observe("answers missing", self._number - answered)
        probe.observe("answers given twice", len(self._given) - answered)
        probe.observe("answers wrong", len(self._wrong))
        for error in sorted(set(self._errors))[:_ERRORS_KEPT]:
            probe.observe("client error", error)
        if answered == self._number:
            took_ns = max(self._last_ns) - activated_ns
            probe.observe("activation time", took_ns / 1000)
            probe.observe("activation time each", took_ns / self._number)


def read_memory_bytes() -> int | None:
    """Return the resident size of this process, or its largest so far where the system says no more."""
    resident = read_resident_bytes()
    return read_peak_memory_bytes() if resident is None else resident


class _Memory:
    """How much a process grew."""

    def __init__(self) -> None:
        self._before = read_memory_bytes()

    def report(self, probe: Probe, number: int) -> None:
        """Observe the growth since this was made, for each of `number`."""
        after = read_memory_bytes()
        if self._before is not None and after is not None:
            probe.observe(f"{probe.role} memory each", (after - self._before) / number)


async def _wait_for(runtime: Runtime, probe: Probe, is_so: Callable[[], bool]) -> None:
    while not is_so():
        probe.advance()
        await runtime.sleep(_POLL_SECONDS)


async def _watch_idling(runtime: Runtime, probe: Probe) -> None:
    """Observe how much of the CPU that it could get this process takes while all are idle.

    Nothing is observed on a machine so busy that the process was hardly ever free to sleep.
    """
    took_ns = could_ns = 0
    for _ in range(_MOST_LOOKS):
        queued_ns, cpu_ns, wall_ns = _read_queued_ns(), process_time_ns(), perf_counter_ns()
        await runtime.sleep(_IDLE_SECONDS)
        took_ns += process_time_ns() - cpu_ns
        # Time in which its threads were ready and others had the CPU is none in which they slept.
        could_ns += max(0, perf_counter_ns() - wall_ns - (_read_queued_ns() - queued_ns))
        if could_ns >= _ENOUGH_NS:
            probe.observe(f"{probe.role} CPU while idle", round(100 * took_ns / could_ns, 1))
            return


def _read_queued_ns() -> int:
    """Return how long the threads of this process have been ready and not run; 0 where that is not told."""
    queued_ns = 0
    for path in Path("/proc/self/task").glob("*/schedstat"):
        with suppress(OSError, ValueError, IndexError):
            queued_ns += int(path.read_text().split()[1])
    return queued_ns


async def _activate(runtime: Runtime, probe: Probe, group: TaskGroup, go: Event, answers: _Answers) -> int:
    """Watch all of them idle, let them go, and wait for their answers; return when they were let go, in ns."""
    await _watch_idling(runtime, probe)
    activated_ns = perf_counter_ns()
    await go.set()
    async with runtime.move_on_after(probe.parameters["patience"]):
        await _wait_for(runtime, probe, answers.all_ended)
    if not answers.all_ended():
        await group.cancel()
    return activated_ns


# --- tasks ---


async def _serve_tasks(runtime: Runtime, probe: Probe) -> None:
    number = probe.parameters["number"]
    answers, go, waiting = _Answers(number), runtime.create_event(), list[int]()

    async def wait_and_answer(index: int) -> None:
        waiting.append(index)
        await go.wait()
        answers.give(index)

    memory = _Memory()
    async with runtime.open_task_group() as group:
        for index in range(number):
            await group.spawn(wait_and_answer, index)
        await _wait_for(runtime, probe, lambda: len(waiting) >= number)
        memory.report(probe, number)
        activated_ns = await _activate(runtime, probe, group, go, answers)
    answers.report(probe, activated_ns)


async def _have_no_connections(runtime: Runtime, probe: Probe) -> None:
    del runtime, probe


# --- connections ---


async def _serve_connections(runtime: Runtime, probe: Probe) -> None:
    number = probe.parameters["number"]
    arrivals, memory = count(1), _Memory()  # `next` is atomic, also between threads

    async def attend(stream: ByteStream) -> None:
        if next(arrivals) == number:
            memory.report(probe, number)
            probe.share("all idle", number)
        request = await receive_exactly(stream, _TAG_BYTES)
        if len(request) == _TAG_BYTES:
            probe.advance()
            await stream.send_all(_answer_to(request))

    await serve_until_client_ends(runtime, probe, attend)


def _answer_to(request: bytes) -> bytes:
    return request + bytes(byte ^ 0xFF for byte in request)


async def _activate_connections(runtime: Runtime, probe: Probe) -> None:
    host, port = await probe.receive("address")
    number = probe.parameters["number"]
    answers, go, memory = _Answers(number), runtime.create_event(), _Memory()
    async with runtime.open_task_group() as group:
        for index in range(number):
            stream = await runtime.connect(host, port)
            await group.spawn(_ask, runtime, stream, index, go, answers)
            probe.advance()
        await probe.receive("all idle")
        memory.report(probe, number)
        activated_ns = await _activate(runtime, probe, group, go, answers)
    answers.report(probe, activated_ns)


async def _ask(runtime: Runtime, stream: ByteStream, index: int, go: Event, answers: _Answers) -> None:
    request = index.to_bytes(_TAG_BYTES, "big")
    expected = _answer_to(request)
    try:
        await go.wait()
        await stream.send_all(request)
        reply = await receive_to_eof(stream, len(expected))
    except Exception as exc:
        if runtime.is_cancelled(exc):
            raise
        answers.fail(exc)
    else:
        _grade(answers, index, reply, expected)
    finally:
        await stream.aclose()


def _grade(answers: _Answers, index: int, reply: bytes, expected: bytes) -> None:
    times, rest = divmod(len(reply), len(expected))
    if not reply or rest or reply != expected * times:
        answers.refuse(index)
    for _ in range(times if reply == expected * times else 0):
        answers.give(index)


# --- declaration ---

_Role = Callable[[Runtime, Probe], Awaitable[None]]
_SERVERS: dict[str, _Role] = {"tasks": _serve_tasks, "connections": _serve_connections}
_CLIENTS: dict[str, _Role] = {"tasks": _have_no_connections, "connections": _activate_connections}


async def server(runtime: Runtime, probe: Probe) -> None:
    """Keep the idle tasks, or the server's side of the idle connections."""
    await _SERVERS[probe.parameters["kind"]](runtime, probe)


async def client(runtime: Runtime, probe: Probe) -> None:
    """Open the connections and use them all at once; nothing if the idle ones are tasks."""
    await _CLIENTS[probe.parameters["kind"]](runtime, probe)


_MOST_CPU = 50
"""Percent of a CPU: far from what idle ones take, and from what one takes that spins."""
_NO_SPIN = "who waits is asleep until it is woken; it does not look again and again"

_JUDGES: dict[str, Judge] = {
    "activation time": metric("µs"),
    "activation time each": info("ns"),
    "idle ones": info(),
    "answers missing": bounded(at_most=0, reason="each waiter is woken by its event, and answers"),
    "answers given twice": bounded(at_most=0, reason="each one is woken once, and its answer arrives once"),
    "answers wrong": bounded(at_most=0, reason="the answer on a connection is the one to its own request, whole"),
    "server CPU while idle": bounded(at_most=_MOST_CPU, reason=_NO_SPIN),
    "client CPU while idle": bounded(at_most=_MOST_CPU, reason=_NO_SPIN),
    "server memory each": info("B"),
    "client memory each": info("B"),
    "client error": info(),
    "server error": info(),
}

_PARAMETERS = (
    Parameter(name="kind", default="tasks", summary="kind of idle task or connection", choices=tuple(_SERVERS)),
    Parameter(name="number", default=1000, summary="how many are idle", at_least=1),
    Parameter(
        name="patience",
        default=10.0,
        summary="how long after the activation an answer that is missing is waited for",
        unit="s",
        at_least=0,
    ),
)

idle = Scenario(
    name="idle",
    question="What does a task or a connection cost that only waits, and how soon do all answer when they may?",
    contract=(
        "Every idle one answers.",
        "While it waits it takes no CPU.",
        "It answers once.",
        "The answer on a connection is the one to the request on that connection.",
    ),
    ref="harness_scenarios.load.idle:idle",
    roles={"server": server, "client": client},
    parameters=_PARAMETERS,
    judges=_JUDGES,
    headline="activation time",
    rows={
        "quick": ({"number": 200}, {"kind": "connections", "number": 100}),
        "default": ({}, {"kind": "connections", "number": 200}),
        # One OS thread each on some backends, one descriptor each on all: the usual limits are 1,024 and more.
        "thorough": grid(kind=("tasks",), number=(100, 1000, 4000)) + grid(kind=("connections",), number=(100, 400)),
    },
    requires=(Capability.DEADLINE, Capability.GROUP_CANCEL),
    forkable=False,  # a forked process has memory of its parent to use up before it grows
    timeout=60.0,
    hang_after=15.0,
    summary="many tasks or connections that wait, then all are activated at once",
    catches=("event-spins",),
)
