"""frames: messages of 26 characters, each ended by a newline, over TCP.

Question: what does it cost to cut a byte stream into messages, and do the messages come out that went in?

Contract: the same messages come out as went in, in order and unchanged, wherever the stream was cut into writes and
reads. A line that is longer than the limit comes out as an error in its place, and the lines behind it still arrive.
What follows the last newline is reported as an incomplete message, not lost. A read returns no more than was asked.

The server writes in a fixed size that shares no factor with the size of a message, so that writes cut messages at
every offset. The client keeps the received messages and compares them after the clock has stopped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import Enum
from time import perf_counter_ns
from zlib import crc32

from harness.api import (
    ByteStream,
    Capability,
    Judge,
    Parameter,
    Probe,
    Runtime,
    Scenario,
    Value,
    allowed,
    bounded,
    forbidden,
    grid,
    info,
    metric,
    outcomes,
)

MESSAGE_BYTES = 26
LIMIT_BYTES = 4096
"""Longest line that is accepted, without its newline."""
_LONGEST_LINE_BYTES = 10 * LIMIT_BYTES
_INDEX_DIGITS = 8
_LETTERS = b"abcdefghijklmnopqrstuvwxyz"
_ADVANCE_EVERY = 64

_LONG_LINE = "long-line"
_NO_LAST_NEWLINE = "no-last-newline"
_CASES = ("plain", _LONG_LINE, _NO_LAST_NEWLINE)


class LineError(Enum):
    """What comes out in the place of a message that cannot be had."""

    TOO_LONG = "line too long"


Line = bytes | LineError


class LineSplitter:
    """Cuts a stream into lines; never holds more than one line of the longest length that is accepted."""

    __slots__ = ("_limit", "_skipping", "_tail")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._tail = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[Line]:
        """Take what arrived next and return the lines that are whole by now, without their newlines.

        A line that is too long is reported as soon as that is known, not when it ends: it may never end.
        """
        whole, tail = self._split(data)
        lines: list[Line] = list(whole)
        if len(tail) > self._limit:
            lines.append(LineError.TOO_LONG)
            self._skipping = True
            tail = b""
        self._tail = tail
        return lines

    def _split(self, data: bytes) -> tuple[Sequence[Line], bytes]:
        *whole, tail = (self._tail + data).split(b"\n")
        if self._skipping:
            if not whole:
                return (), b""
            del whole[0]  # the end of the line that was reported
            self._skipping = False
        if whole and max(map(len, whole)) > self._limit:
            return [line if len(line) <= self._limit else LineError.TOO_LONG for line in whole], tail
        return whole, tail

    def finish(self) -> bytes:
        """Return what follows the last newline."""
        return self._tail


# --- messages to send ---


class Plan:
    """The lines of a cell: `whole` are ended by a newline, `incomplete` follows the last one."""

    def __init__(self, case: str, count: int) -> None:
        lines = [_make_line(index, MESSAGE_BYTES) for index in range(count)]
        if case == _LONG_LINE:
            # At the limit, one above it, and long enough to be cut by every size of read.
            for quarter, size in enumerate((LIMIT_BYTES, LIMIT_BYTES + 1, _LONGEST_LINE_BYTES), start=1):
                place = count * quarter // 4
                lines[place] = _make_line(place, size)
        self.incomplete = lines.pop() if case == _NO_LAST_NEWLINE else b""
        self.whole = lines

    def make_stream(self) -> bytes:
        """Return everything that is sent."""
        return b"\n".join([*self.whole, self.incomplete])

    def expect(self) -> list[Line]:
        """Return the lines that a receiver gets up to the last newline."""
        return [line if len(line) <= LIMIT_BYTES else LineError.TOO_LONG for line in self.whole]


def _make_line(index: int, size: int) -> bytes:
    start = index % len(_LETTERS)
    letters = _LETTERS[start:] + _LETTERS[:start]
    return (b"%0*d" % (_INDEX_DIGITS, index) + letters * (size // len(letters) + 1))[:size]


def _make_plan(probe: Probe) -> Plan:
    return Plan(probe.parameters["case"], probe.parameters["count"])


# --- server: the sender ---


async def server(runtime: Runtime, probe: Probe) -> None:
    """Send all messages to the client, and the end of the stream."""
    stream_bytes = _make_plan(probe).make_stream()
    size = probe.parameters["write_bytes"]
    writes = [stream_bytes[start : start + size] for start in range(0, len(stream_bytes), size)]
    listener = await runtime.listen()

    async def serve() -> None:
        stream = await listener.accept()
        try:
            await _send(probe, stream, writes)
        finally:
            await stream.aclose()

    try:
        probe.share("checksum", crc32(stream_bytes))
        probe.share("address", list(listener.address))
        async with runtime.open_task_group() as group:
            await group.spawn(serve)
            await probe.until_ended("client")
            await group.cancel()
    finally:
        await listener.aclose()


async def _send(probe: Probe, stream: ByteStream, writes: Sequence[bytes]) -> None:
    send, advance = stream.send_all, probe.advance
    for number, data in enumerate(writes):
        await send(data)
        if number % _ADVANCE_EVERY == 0:
            advance(_ADVANCE_EVERY)
    await stream.send_eof()


# --- client: the receiver ---


async def client(runtime: Runtime, probe: Probe) -> None:
    """Read the stream, cut it into messages, and compare them with the plan."""
    plan = _make_plan(probe)
    host, port = await probe.receive("address")
    stream = await runtime.connect(host, port)
    reception = _Reception(probe.parameters["read_bytes"])
    try:
        await reception.read(probe, stream)
    finally:
        await stream.aclose()
    reception.report(probe, plan, await probe.receive("checksum"))


class _Reception:
    """Received messages and the duration of the transfer."""

    def __init__(self, read_bytes: int) -> None:
        self._read_bytes = read_bytes
        self._lines: list[Line] = []
        self._incomplete = b""
        self._checksum = 0
        self._reads = 0
        self._largest_read = 0
        self._took_ns = 0

    async def read(self, probe: Probe, stream: ByteStream) -> None:
        """Read to the end of the stream."""
        splitter = LineSplitter(LIMIT_BYTES)
        receive, read_bytes, lines, advance = stream.receive_some, self._read_bytes, self._lines, probe.advance
        reads = largest = checksum = 0
        start_ns = perf_counter_ns()
        while data := await receive(read_bytes):
            lines += splitter.feed(data)
            checksum = crc32(data, checksum)
            largest = max(largest, len(data))
            reads += 1
            if reads % _ADVANCE_EVERY == 0:
                advance(_ADVANCE_EVERY)
        self._took_ns = perf_counter_ns() - start_ns
        self._incomplete = splitter.finish()
        self._reads, self._largest_read, self._checksum = reads, largest, checksum

    def report(self, probe: Probe, plan: Plan, checksum: int) -> None:
        """Observe the differences between the received and the sent messages."""
        expected = plan.expect()
        for key, value in compare(expected, self._lines).items():
            probe.observe(key, value)
        probe.observe("after the last newline", _name_rest(plan.incomplete, self._incomplete))
        probe.observe("checksum", "as sent" if self._checksum == checksum else "different")
        probe.observe("bytes read above the size asked", max(0, self._largest_read - self._read_bytes))
        probe.observe("reads", self._reads)
        probe.observe("time per message", self._took_ns / (len(expected) + bool(plan.incomplete)))


def compare(expected: Sequence[Line], received: Sequence[Line]) -> dict[str, object]:
    """Return, by observation key, how the lines that were received differ from those expected."""
    due, got = list(_number_errors(expected)), list(_number_errors(received))
    places = {line: place for place, line in enumerate(due)}
    order = [places[line] for line in got if line in places]
    missing, surplus = Counter(due) - Counter(got), Counter(got) - Counter(due)
    errors_missing = sum(number for line, number in missing.items() if isinstance(line, tuple))
    return {
        "messages due": len(due),
        "messages lost": missing.total() - errors_missing,
        "messages that were not sent": surplus.total(),
        "long lines not reported": errors_missing,
        "order": "as sent" if order == sorted(order) else "changed",
    }


def _number_errors(lines: Iterable[Line]) -> Iterable[bytes | tuple[LineError, int]]:
    # Errors look alike; by number they have a place in the order as messages have.
    errors = 0
    for line in lines:
        if isinstance(line, LineError):
            yield line, errors
            errors += 1
        else:
            yield line


def _name_rest(sent: bytes, received: bytes) -> str:
    if received == sent:
        return "as sent"
    return "damaged" if received else "lost"


# --- declaration ---

_JUDGES: dict[str, Judge] = {
    "time per message": metric("ns"),
    "messages due": info(),
    "messages lost": bounded(at_most=0, reason="every message that was sent comes out, wherever the stream was cut"),
    "messages that were not sent": bounded(at_most=0, reason="a message comes out once and unchanged, or not at all"),
    "long lines not reported": bounded(
        at_most=0, reason="a line above the limit is an error in its place: no hang, and no memory without limit"
    ),
    "order": outcomes(
        {
            "as sent": allowed("TCP keeps the order of bytes, and so of messages and errors"),
            "changed": forbidden("a message came out before one that was sent earlier"),
        }
    ),
    "after the last newline": outcomes(
        {
            "as sent": allowed("what follows the last newline is reported as it was sent"),
            "lost": forbidden("an incomplete last message is reported, not dropped"),
            "damaged": forbidden("the stream ended at another place than it was sent to"),
        }
    ),
    "checksum": outcomes(
        {
            "as sent": allowed("the bytes below the messages are the ones that were sent"),
            "different": forbidden("TCP delivers bytes in order and unchanged"),
        }
    ),
    "bytes read above the size asked": bounded(
        at_most=0, reason="receive_some(n) returns at most n bytes: who limits memory relies on it"
    ),
    "reads": info(),
}

_PARAMETERS = (
    Parameter(name="count", default=50_000, summary="messages", at_least=8, at_most=10**_INDEX_DIGITS - 1),
    Parameter(
        name="case",
        default="plain",
        summary="long-line plants lines at the limit, one above and ten times as long; no-last-newline ends without",
        choices=_CASES,
    ),
    Parameter(name="read_bytes", default=65_536, summary="most bytes of one read", unit="B", at_least=1),
    Parameter(name="write_bytes", default=1000, summary="bytes of one write", unit="B", at_least=1),
)

_QUICK: dict[str, Value] = {"count": 20_000}

frames = Scenario(
    name="frames",
    question="What does it cost to cut a byte stream into messages, and do the messages come out that went in?",
    contract=(
        "The same messages come out as went in, in order and unchanged.",
        "A line above the limit comes out as an error in its place, and the lines behind it still arrive.",
        "What follows the last newline is reported as an incomplete message.",
        "A read returns at most as many bytes as were asked for.",
    ),
    ref="harness_scenarios.load.frames:frames",
    roles={"server": server, "client": client},
    parameters=_PARAMETERS,
    judges=_JUDGES,
    headline="time per message",
    rows={
        "quick": ({**_QUICK}, {**_QUICK, "case": _LONG_LINE}),
        "default": ({}, {"read_bytes": 64}, {"case": _LONG_LINE}, {"case": _NO_LAST_NEWLINE}),
        "thorough": grid(case=_CASES, read_bytes=(64, 1000, 65_536), count=(100_000,)),
    },
    requires=(Capability.GROUP_CANCEL,),
    timeout=60.0,
    hang_after=10.0,
    summary="newline-delimited messages of 26 characters over TCP, cut at every offset; long and incomplete lines",
    catches=("byte-flipped",),
)
