"""storm: a storm of short TCP connections, each with a request and a reply of its own.

Question: how long does a connection take from the time it was due, and does each one get its own reply?

Contract: every connection is answered; none is refused, reset, times out or is lost; each gets its own reply, whole
and once. The connections due are the sum of what became of them, also when the server dies.

The client is an open loop: it opens connections when they are due, whether or not earlier ones have ended, and counts
latency from there. The server reads each request to its end (the client half-closes), replies and closes.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from itertools import count
from time import perf_counter_ns, process_time
from typing import Any

from harness.api import (
    ByteStream,
    Capability,
    ErrorKind,
    Judge,
    Listener,
    Parameter,
    Probe,
    Runtime,
    Scenario,
    TaskGroup,
    allowed,
    bounded,
    info,
    interesting,
    metric,
    outcomes,
)

from .connection_ledger import DUE, LATENCIES, PARTS_OF_DUE, ConnectionLedger, Ending, ending_of
from .open_loop import ARRIVALS, SECOND_NS, burst_offsets, launch_when_due, make_offsets
from .percentiles import PERCENTILES
from .tagged_payload import LEAST_BYTES, ReplyGrade, grade_reply, make_reply, make_request, read_tag
from .whole_message import receive_to_eof

_LEAST_ACHIEVED = 0.98
"""Share of the offered rate below which the client, not the server, set the pace."""
_ACCEPT_PAUSE = 0.01
"""Pause in seconds after a failed accept: without it a full table of fds makes the loop spin."""
_ERRORS_KEPT = 5


# --- what is due ---


def _rate_offsets(parameters: Any, seed: int) -> array[int]:
    return make_offsets(parameters["arrival"], parameters["rate"], parameters["length"], seed)


def _burst_offsets(parameters: Any, seed: int) -> array[int]:
    del seed
    return burst_offsets(parameters["connections"])


_MODES: dict[str, Callable[[Any, int], array[int]]] = {"rate": _rate_offsets, "burst": _burst_offsets}
"""How each mode makes its schedule; everything after that is the same."""


# --- client ---


async def client(runtime: Runtime, probe: Probe) -> None:
    """Open the connections that the mode makes due, and record what became of each."""
    host, port = await probe.receive("address")
    storm = _Storm(runtime, probe, host, port)
    await storm.run()
    storm.report()


class _Storm:
    """One schedule of connections and its ledger."""

    def __init__(self, runtime: Runtime, probe: Probe, host: str, port: int) -> None:
        self._runtime = runtime
        self._probe = probe
        self._address = host, port
        self._parameters = probe.parameters
        self._is_paced = probe.parameters["mode"] != "burst"
        self._offsets = _MODES[probe.parameters["mode"]](probe.parameters, probe.seed)
        self._all_ended = runtime.create_event()
        self._endings = count(1)  # `next` is atomic, also between threads
        self._errors: dict[str, int] = {}
        self._largest_burst = 0

    async def run(self) -> None:
        """Run the schedule, then wait for what is outstanding until length and cooldown are over."""
        cpu = process_time()
        length = self._parameters["length"] if self._is_paced else 0
        self._start_ns = perf_counter_ns()
        end_ns = self._start_ns + int((length + self._parameters["cooldown"]) * SECOND_NS)
        self._ledger = ConnectionLedger(self._offsets, self._start_ns)
        async with self._runtime.open_task_group() as group:
            self._largest_burst = await launch_when_due(
                self._runtime,
                self._offsets,
                lambda index: self._launch(group, index),
                start_ns=self._start_ns,
                end_ns=end_ns,
            )
            if not self._offsets:
                await self._all_ended.set()
            async with self._runtime.move_on_after(max(0, end_ns - perf_counter_ns()) / SECOND_NS):
                await self._all_ended.wait()
            if not self._all_ended.is_set():
                await group.cancel()
        self._cpu = process_time() - cpu

    async def _launch(self, group: TaskGroup, index: int) -> None:
        try:
            await group.spawn(self._connect, index)
        except Exception as exc:
            if self._runtime.is_cancelled(exc):
                raise
            # Only this connection fails: a runtime that cannot start one more task may start the next.
            await self._end(index, self._ending_of(exc))

    async def _connect(self, index: int) -> None:
        self._ledger.start(index, perf_counter_ns())
        ending = Ending.NONE
        async with self._runtime.move_on_after(self._parameters["timeout"]) as scope:
            try:
                ending = await self._exchange(index)
            except Exception as exc:
                if self._runtime.is_cancelled(exc):
                    raise
                ending = self._ending_of(exc)
        if ending is Ending.NONE and scope.cancelled_caught:
            ending = Ending.TIMED_OUT
        await self._end(index, ending)

    async def _exchange(self, index: int) -> Ending:
        request = make_request(index, self._probe.seed, self._parameters["request_bytes"])
        reply_bytes = self._parameters["reply_bytes"]
        stream = await self._runtime.connect(*self._address)
        try:
            await stream.send_all(request)
            await stream.send_eof()
            reply = await receive_to_eof(stream, reply_bytes)
            done_ns = perf_counter_ns()
        finally:
            await stream.aclose()
        expected = make_reply(request, reply_bytes)
        grade = grade_reply(reply, expected or b"")
        self._ledger.receive_reply(index, grade, read_tag(reply), done_ns)
        return Ending.OK if grade is ReplyGrade.RIGHT else Ending.OTHER

    async def _end(self, index: int, ending: Ending) -> None:
        self._ledger.end(index, ending)
        self._probe.advance()
        if next(self._endings) == len(self._offsets):
            await self._all_ended.set()

    def _ending_of(self, exc: Exception) -> Ending:
        _keep_error(self._errors, exc)
        return ending_of(self._runtime.classify(exc))

    def report(self) -> None:
        """Observe counts and, if the client could keep the pace, what was measured."""
        for key, number in {**self._ledger.counts(), **self._ledger.reply_counts()}.items():
            self._probe.observe(key, number)
        for error in self._errors:
            self._probe.observe("client error", error)
        self._probe.observe("largest burst", self._largest_burst)
        if self._kept_pace():
            self._report_latencies()
            self._probe.observe("client CPU", self._cpu)

    def _kept_pace(self) -> bool:
        if not self._is_paced:
            took_ns = self._ledger.last_done_ns() - self._start_ns
            if took_ns > 0:
                answered = self._ledger.counts()["connections ok"]
                self._probe.observe("connections per second", answered * SECOND_NS / took_ns)
            return True
        length_ns = int(self._parameters["length"] * SECOND_NS)
        # A start after the schedule's end lengthens the time that the same number of starts took.
        took_ns = max(length_ns, self._ledger.last_started_ns() - self._start_ns)
        offered = len(self._offsets) * SECOND_NS / length_ns
        achieved = self._ledger.started() * SECOND_NS / took_ns
        kept = achieved >= _LEAST_ACHIEVED * offered
        self._probe.observe("offered rate", offered)
        self._probe.observe("achieved rate", achieved)
        self._probe.observe("generator", "ok" if kept else "limited")
        return kept

    def _report_latencies(self) -> None:
        for latency, figures in self._ledger.latencies_ns().items():
            for name, figure in figures.items():
                self._probe.observe(f"{latency} {name}", figure if name == "samples" else figure / 1000)


# --- server ---


async def server(runtime: Runtime, probe: Probe) -> None:
    """Answer every connection until the client has ended."""
    listener = await runtime.listen(backlog=probe.parameters["backlog"])
    desk = _Desk(runtime, probe, listener)
    cpu = process_time()
    try:
        probe.share("address", list(listener.address))
        async with runtime.open_task_group() as group:
            await group.spawn(desk.accept_connections, group)
            await probe.until_ended("client")
            await group.cancel()
    finally:
        await listener.aclose()
    probe.observe("server CPU", process_time() - cpu)
    desk.report()


_ANSWERED = "connections answered"
_UNANSWERED = {
    "requests short": "the client went away, or lost bytes, before its request was whole",
    "requests damaged": "the request is whole but not one that a client sends",
    "handler errors": "reading, answering or closing raised",
}


class _Desk:
    """Accepts and answers connections, and counts what became of them."""

    def __init__(self, runtime: Runtime, probe: Probe, listener: Listener) -> None:
        self._runtime = runtime
        self._probe = probe
        self._listener = listener
        self._accepted = 0
        self._accept_errors = 0
        self._endings: list[str] = []  # `append` is atomic, also between threads
        self._errors: dict[str, int] = {}

    async def accept_connections(self, group: TaskGroup) -> None:
        """Accept until cancelled or closed; a failed accept does not end it."""
        while True:
            try:
                stream = await self._listener.accept()
            except Exception as exc:
                if self._runtime.is_cancelled(exc) or self._runtime.classify(exc) is ErrorKind.CLOSED:
                    raise
                self._accept_errors += 1
                _keep_error(self._errors, exc)
                await self._runtime.sleep(_ACCEPT_PAUSE)
            else:
                self._accepted += 1
                await self._hand_over(group, stream)

    async def _hand_over(self, group: TaskGroup, stream: ByteStream) -> None:
        try:
            await group.spawn(self._attend, stream)
        except Exception as exc:
            if self._runtime.is_cancelled(exc):
                raise
            self._fail(exc)
            await stream.aclose()

    async def _attend(self, stream: ByteStream) -> None:
        try:
            try:
                ending = await self._answer(stream)
            finally:
                await stream.aclose()
        except Exception as exc:
            if self._runtime.is_cancelled(exc):
                raise
            self._fail(exc)
        else:
            self._endings.append(ending)
        self._probe.advance()

    async def _answer(self, stream: ByteStream) -> str:
        request_bytes = self._probe.parameters["request_bytes"]
        request = await receive_to_eof(stream, request_bytes)
        if len(request) < request_bytes:
            return "requests short"
        reply = make_reply(request, self._probe.parameters["reply_bytes"])
        if reply is None or len(request) > request_bytes:
            return "requests damaged"
        await stream.send_all(reply)
        return _ANSWERED

    def _fail(self, exc: Exception) -> None:
        _keep_error(self._errors, exc)
        self._endings.append("handler errors")

    def report(self) -> None:
        """Observe the counts; they add up to the connections accepted."""
        self._probe.observe("connections accepted", self._accepted)
        for ending in (_ANSWERED, *_UNANSWERED):
            self._probe.observe(ending, self._endings.count(ending))
        self._probe.observe("handlers unfinished", self._accepted - len(self._endings))
        self._probe.observe("accept errors", self._accept_errors)
        for error in self._errors:
            self._probe.observe("server error", error)


def _keep_error(errors: dict[str, int], exc: Exception) -> None:
    if len(errors) < _ERRORS_KEPT:
        errors.setdefault(f"{type(exc).__name__}: {exc}"[:300], 1)


# --- declaration ---

_BELOW_CAPACITY = "the load is below half of what a server can do here, so every connection has to be answered"
_HALF_CLOSE = "RFC 9293, section 3.6: data still arrives after the other direction was closed"


def _none_allowed(reason: str, reference: str = "") -> Judge:
    return bounded(at_most=0, reason=reason, reference=reference)


def _latency_judges() -> dict[str, Judge]:
    judges: dict[str, Judge] = {}
    for latency in LATENCIES:
        judges |= {f"{latency} {name}": metric("µs") for name in PERCENTILES}
        judges |= {f"{latency} max": info("µs"), f"{latency} samples": info()}
    return judges


_JUDGES: dict[str, Judge] = {
    DUE: info(),
    "connections ok": info(),
    "connections refused": _none_allowed("the server listens from before the first connection to after the last"),
    "connections reset": _none_allowed("the server reads each request to its end before it closes"),
    "connections timed out": _none_allowed(_BELOW_CAPACITY),
    "connections out of fds": _none_allowed("each connection is closed when it ends, so fds do not run out"),
    "connections other": _none_allowed("no other error is due, and every reply has to be the right one"),
    "connections dropped": _none_allowed("a connection that is due has to be started before the cooldown is over"),
    "connections in flight": _none_allowed("the cooldown is longer than the timeout, so every connection ends"),
    "replies lost": _none_allowed("a request that was sent and half-closed gets its reply", _HALF_CLOSE),
    "replies short": _none_allowed("closing after a reply must not cut it off"),
    "replies with foreign bytes": _none_allowed("each connection gets the reply to its own request, unchanged"),
    "replies duplicated": _none_allowed("each reply goes to one connection, once"),
    "requests damaged": _none_allowed("each request arrives as it was sent, on a connection of its own"),
    "requests short": info(),
    "connections accepted": info(),
    _ANSWERED: info(),
    "handler errors": info(),
    "handlers unfinished": info(),
    "accept errors": _none_allowed("below the limit of fds, accepting a connection does not fail"),
    "client error": info(),
    "server error": info(),
    "generator": outcomes(
        {
            "ok": allowed("connections were started at the rate that was offered"),
            "limited": interesting(
                "the client started less than 98 % of what was due: it set the pace, so no latency is given; "
                "lower the rate, or free the machine"
            ),
        }
    ),
    "offered rate": info("1/s"),
    "achieved rate": info("1/s"),
    "largest burst": info("connections"),
    "connections per second": metric("1/s", better="higher"),
    "client CPU": metric("s"),
    "server CPU": metric("s"),
    **_latency_judges(),
}

_PARAMETERS = (
    Parameter(name="mode", default="rate", summary="rate: an open loop; burst: all at once", choices=tuple(_MODES)),
    Parameter(name="rate", default=200, summary="connections due per second", unit="1/s", at_least=1),
    Parameter(name="length", default=1.0, summary="how long connections become due", unit="s", at_least=0.01),
    Parameter(name="connections", default=200, summary="size of the burst", at_least=1),
    Parameter(name="arrival", default="fixed", summary="equal gaps, or random ones (seeded)", choices=ARRIVALS),
    Parameter(name="request_bytes", default=64, summary="size of a request", unit="B", at_least=LEAST_BYTES),
    Parameter(name="reply_bytes", default=64, summary="size of a reply", unit="B", at_least=LEAST_BYTES),
    Parameter(name="timeout", default=5.0, summary="limit of one connection, from its start", unit="s", at_least=0),
    Parameter(
        name="backlog",
        default=1024,  # what waits beyond the backlog is dropped by the system and tried again after a second
        summary="connections that may wait to be accepted; none: the runtime's own default",
        at_least=1,
        nullable=True,
    ),
    Parameter(name="cooldown", default=6.0, summary="how long the last ones may take", unit="s", at_least=0),
)

storm = Scenario(
    name="storm",
    question="How long does a connection take from when it was due, and does each one get its own reply?",
    contract=(
        "Every connection is answered: none is refused, reset, times out or is lost.",
        "Each reply is whole, arrives once and belongs to the request of its connection.",
        "Connections due = ok + refused + reset + timed out + out of fds + other + dropped + in flight.",
    ),
    ref="harness_scenarios.storm:storm",
    roles={"server": server, "client": client},
    parameters=_PARAMETERS,
    judges=_JUDGES,
    headline="response p90",
    rows={
        "quick": ({"mode": "rate", "rate": 200}, {"mode": "burst"}),
        "default": (
            {"mode": "rate", "rate": 200, "length": 2.0},
            {"mode": "rate", "rate": 1000, "length": 2.0},
            {"mode": "rate", "rate": 500, "length": 2.0, "arrival": "poisson"},
            {"mode": "burst"},
        ),
    },
    conserved={
        DUE: PARTS_OF_DUE,
        "connections accepted": (_ANSWERED, *_UNANSWERED, "handlers unfinished"),
    },
    requires=(Capability.DEADLINE, Capability.GROUP_CANCEL),
    timeout=60.0,
    hang_after=10.0,
    summary="open many short TCP connections, send a request, half-close, read the reply to its end, close",
)
