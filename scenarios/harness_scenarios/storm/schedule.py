"""Run one schedule of connections, as an open loop, and keep the books."""

from __future__ import annotations

from array import array
from functools import partial
from itertools import count
from time import perf_counter_ns, process_time
from typing import NamedTuple  # a worker has it already; dataclasses would be imported for this

from harness.api import ErrorKind, Probe, Runtime, TaskGroup
from harness_scenarios.parts.encryption import make_connect
from harness_scenarios.parts.open_loop import SECOND_NS, launch_when_due
from harness_scenarios.parts.tagged_payload import ReplyGrade
from harness_scenarios.parts.whole_message import receive_to_eof

from .connection_ledger import DUE, ENDING_KEYS, IN_FLIGHT, ConnectionLedger, Ending, ending_of
from .exchange import Exchange

LEAST_ACHIEVED = 0.98
"""Share of the offered rate below which the client, not the server, set the pace."""
MOST_LATENESS_NS = 2_000_000
"""Lateness up to which the client is on time, whatever the response is."""
MOST_LATENESS_SHARE = 0.1
"""The same as a share of the response, where that is longer."""
NULL_SERVER_RULE = ("p99", "p50")
"""Which lateness is held against which response when the client itself is examined, against a server that does next
to nothing (MEASUREMENT, open-loop rules)."""
_STORM_RULE = ("p90", "p90")
"""The same in a storm: as the headline. At p99 one time slice of another process is enough: on a shared machine of
two cores 12 of 20 storms at 1000/s went beyond 2 ms there, at 4 ms, the length of a slice; at p90 it was 1 of 20."""
_ERRORS_KEPT = 5
_FIRST_SOURCE = (127 << 24) + 1


class Target(NamedTuple):
    """Where the connections of a storm go, and what goes over them."""

    host: str
    port: int
    exchange: Exchange


class Pace(NamedTuple):
    """Whether the client could start the connections when they were due."""

    offered: float
    achieved: float
    verdict: str
    """`ok`, `limited` (too few were started) or `late` (started too long after they were due)."""


class ErrorSamples:
    """The first few different errors, as text."""

    def __init__(self) -> None:
        self._texts: dict[str, None] = {}

    def keep(self, exc: Exception) -> None:
        """Keep an error, unless there are enough."""
        if len(self._texts) < _ERRORS_KEPT:
            self._texts.setdefault(f"{type(exc).__name__}: {exc}"[:300])

    def texts(self) -> tuple[str, ...]:
        """Return the distinct texts of the errors, at most as many as are kept."""
        return tuple(self._texts)


class ScheduleRun:
    """One schedule of connections and its ledger.

    Args:
        runtime: of the client.
        probe: of the client; its parameters give timeout, cooldown and sources.
        target: where the connections go.
        offsets: when each is due, in ns after the start.
        length: of the schedule in seconds; 0 for all at once.
        first_index: number of the first connection: payloads of different schedules must differ.
        errors: takes what went wrong.
    """

    def __init__(
        self,
        runtime: Runtime,
        probe: Probe,
        target: Target,
        offsets: array[int],
        *,
        length: float,
        errors: ErrorSamples,
        first_index: int = 0,
    ) -> None:
        self._runtime = runtime
        self._probe = probe
        self._target = target
        self._offsets = offsets
        self._length = length
        self._timeout: float = probe.parameters["timeout"]
        self._sources: int = probe.parameters["sources"]
        self._first_index = first_index
        self._errors = errors
        self._all_ended = runtime.create_event()
        self._dial = make_connect(runtime, probe, target.exchange.reply_bytes)
        self._unended: list[int] = []
        self._endings = count(1)  # `next` is atomic, also between threads
        self._ledger = ConnectionLedger(array("q"), 0)
        self._start_ns = 0
        self.largest_burst = 0
        self.cpu_seconds = 0.0

    @property
    def ledger(self) -> ConnectionLedger:
        """What became of each connection. Valid after `run`."""
        return self._ledger

    async def run(self) -> None:
        """Run the schedule, then wait for outstanding connections until length and cooldown are over."""
        cpu = process_time()
        self._start_ns = perf_counter_ns()
        end_ns = self._start_ns + int((self._length + self._probe.parameters["cooldown"]) * SECOND_NS)
        self._ledger = ConnectionLedger(self._offsets, self._start_ns)
        async with self._runtime.open_task_group() as group:
            self.largest_burst = await launch_when_due(
                self._runtime,
                self._offsets,
                partial(self._launch, group),
                start_ns=self._start_ns,
                end_ns=end_ns,
                clock=perf_counter_ns,
            )
            if not self._offsets:
                await self._all_ended.set()
            async with self._runtime.move_on_after(max(0, end_ns - perf_counter_ns()) / SECOND_NS):
                await self._all_ended.wait()
            if not self._all_ended.is_set():
                await group.cancel()
        self.cpu_seconds = process_time() - cpu

    async def _launch(self, group: TaskGroup, index: int) -> None:
        try:
            await group.spawn(self._connect, index)
        except Exception as exc:
            # Only this connection fails: a runtime that cannot start one more task may start the next.
            if (ending := self._ending_of(exc)) is None:
                raise
            if self._end(index, ending):
                await self._all_ended.set()

    async def _connect(self, index: int) -> None:
        """Open a connection, ask, read the reply to its end, close; note what became of it.

        All in one function: a coroutine between this and the runtime's own is gone through at each wait.
        """
        host, port, exchange = self._target
        self._ledger.start(index, perf_counter_ns())
        try:
            async with self._runtime.fail_after(self._timeout):
                request = exchange.make_request(self._first_index + index)
                source = None if self._sources == 1 else source_address(index % self._sources)
                stream = await self._dial(host, port, source=source)
                parts: list[bytes] = []
                try:
                    await stream.send_all(request)
                    await stream.send_eof()
                    reply = await receive_to_eof(stream, exchange.reply_bytes, parts)
                    done_ns = perf_counter_ns()
                except BaseException:
                    if sum(map(len, parts)) >= exchange.reply_bytes:
                        self._unended.append(index)
                    raise
                finally:
                    await stream.aclose()
            ending = self._take_reply(index, request, reply, done_ns)
        except BaseException as exc:  # of a deadline too: not on every runtime is that an Exception
            if (failed := self._ending_of(exc)) is None:
                raise
            ending = failed
        if self._end(index, ending):
            await self._all_ended.set()

    def _take_reply(self, index: int, request: bytes, reply: bytes, done_ns: int) -> Ending:
        exchange = self._target.exchange
        grade = exchange.grade(request, reply)
        # The right reply is this connection's own; any other says whose it is, if it says so.
        tag = index if grade is ReplyGrade.RIGHT else exchange.read_tag(reply) - self._first_index
        self._ledger.receive_reply(index, grade, tag, done_ns)
        return Ending.OK if grade is ReplyGrade.RIGHT else Ending.OTHER

    def _end(self, index: int, ending: Ending) -> bool:
        """Note how a connection ended, and return whether it was the last."""
        self._ledger.end(index, ending)
        self._probe.advance()
        return next(self._endings) == len(self._offsets)

    def _ending_of(self, exc: BaseException) -> Ending | None:
        """Return how an error ends a connection, and keep it; nothing if it ends more than that."""
        kind = self._runtime.classify(exc)
        if kind is not ErrorKind.DEADLINE:  # of that the count says enough
            if self._runtime.is_cancelled(exc) or not isinstance(exc, Exception):
                return None
            self._errors.keep(exc)
        return ending_of(kind)

    # --- after it ---

    def answered_per_second(self) -> float | None:
        """Return the rate from the start to the last reply; nothing if there was no reply."""
        took_ns = self._ledger.last_done_ns() - self._start_ns
        return self._ledger.counts()["connections ok"] * SECOND_NS / took_ns if took_ns > 0 else None

    def failed(self) -> int:
        """Return how many connections were due and not answered."""
        counts = self._ledger.counts()
        return counts[DUE] - counts["connections ok"]

    def unanswered(self) -> int:
        """Return how many connections were started and had no answer and no error in their time."""
        counts = self._ledger.counts()
        return counts[ENDING_KEYS[Ending.TIMED_OUT]] + counts[IN_FLIGHT]

    def unended(self) -> int:
        """Return how many connections had a whole reply, but not the end of their stream."""
        return len(self._unended)

    def pace(self, rule: tuple[str, str] = _STORM_RULE) -> Pace:
        """Return the offered rate, the one that was achieved, and whether the client was fast enough.

        Args:
            rule: percentile of the lateness, which must not be too long, and of the response that it is held against.
        """
        length_ns = int(self._length * SECOND_NS)
        # A start after the schedule's end lengthens the time that the same number of starts took.
        took_ns = max(length_ns, self._ledger.last_started_ns() - self._start_ns)
        offered = len(self._offsets) * SECOND_NS / length_ns
        achieved = self._ledger.started() * SECOND_NS / took_ns
        if achieved < LEAST_ACHIEVED * offered:
            return Pace(offered, achieved, "limited")
        return Pace(offered, achieved, "late" if self._is_late(*rule) else "ok")

    def _is_late(self, percentile: str, against: str) -> bool:
        latencies = self._ledger.latencies_ns()
        lateness, response = latencies["lateness"].get(percentile), latencies["response"].get(against)
        if lateness is None:  # too few connections for it
            return False
        return lateness > max(MOST_LATENESS_NS, MOST_LATENESS_SHARE * (response or 0))


def source_address(number: int) -> str:
    """Return a loopback address: 127.0.0.1 for 0, 127.0.0.2 for 1, and so on through 127.0.0.0/8."""
    return ".".join(map(str, (_FIRST_SOURCE + number).to_bytes(4, "big")))
