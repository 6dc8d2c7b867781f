"""sink: a writer sends a stream to a peer that reads and discards it.

Question: how fast does a stream flow, and does the writer wait when its peer stops reading?

Contract: every byte arrives, in order and unchanged, and so does the end of the stream; after it the reply comes
back. While the sink stalls the writer blocks, so that the bytes accepted but not read stay bounded; when the sink
reads again the writer goes on.

The stall ends on evidence, not after a pause: the sink stops reading after some bytes, the writer's side watches how
many bytes were accepted, and once that number stands still it tells the sink to go on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import perf_counter_ns, process_time

from harness.api import (
    ByteStream,
    Judge,
    Parameter,
    PeerEndedError,
    Probe,
    Runtime,
    Scenario,
    Value,
    allowed,
    bounded,
    forbidden,
    info,
    metric,
    outcomes,
)
from harness_scenarios.parts.encryption import TLS, make_connect, make_listen, prepare_tls
from harness_scenarios.parts.posix import read_peak_memory_bytes
from harness_scenarios.parts.stream_pattern import READ_BYTES, StreamCheck, StreamPattern
from harness_scenarios.parts.whole_message import receive_to_eof

_KIB = 1024
_MIB = 1024 * 1024
_COUNT_BYTES = 8
"""The reply is the number of bytes that the sink has read, as an unsigned integer of this size."""

_STALL_AFTER_BYTES = _MIB
_POLL_SECONDS = 0.02
_STILL_POLLS = 10
"""The writer counts as blocked after this many polls in a row in which nothing more was accepted."""
_MOST_BUFFERED_BYTES = 64 * _MIB
"""Above what any system's socket buffers hold by default."""
_LEAST_STALLED_BYTES = 96 * _MIB
"""A stalled sink is sent more than it may buffer."""

_PACED_READS = (16 * _KIB, 256 * _KIB)
"""Bytes that a paced sink takes between two pauses, from and to."""
_PACED_PAUSE_SECONDS = 0.02
"""Longest pause of a paced sink."""


def _make_pattern(probe: Probe) -> StreamPattern:
    total_bytes = probe.parameters["total_bytes"]
    if probe.parameters["peer"] == "stalled":
        # A writer that was accepted in full would look as if it had never been made to wait.
        total_bytes = max(total_bytes, _LEAST_STALLED_BYTES)
    return StreamPattern(probe.parameters["chunk"], total_bytes)


# --- server: the sink ---


async def server(runtime: Runtime, probe: Probe) -> None:
    """Read a stream to its end at the pace that the cell asks for, check it, and reply."""
    pattern = _make_pattern(probe)
    check = StreamCheck(pattern)
    cpu = process_time()
    listener = await make_listen(runtime, probe, pattern.total_bytes)()
    try:
        probe.share("address", list(listener.address))
        stream = await listener.accept()
        try:
            await _PEERS[probe.parameters["peer"]](runtime, probe, stream, check)
            await stream.send_all(check.received.to_bytes(_COUNT_BYTES, "big"))
        finally:
            _report_received(probe, pattern, check)
            await stream.aclose()
    finally:
        await listener.aclose()
    probe.observe("server CPU", process_time() - cpu)


async def _read_fast(runtime: Runtime, probe: Probe, stream: ByteStream, check: StreamCheck) -> None:
    del runtime
    receive = stream.receive_some
    while data := await receive(READ_BYTES):
        check.take(data)
        probe.advance()


async def _read_paced(runtime: Runtime, probe: Probe, stream: ByteStream, check: StreamCheck) -> None:
    from random import Random

    random = Random(f"paced sink {probe.seed}")  # noqa: S311 - pauses that can be repeated, not a secret
    pause_at = random.randint(*_PACED_READS)
    paused = 0.0
    while data := await stream.receive_some(READ_BYTES):
        check.take(data)
        probe.advance()
        while check.received >= pause_at:
            pause = random.uniform(0, _PACED_PAUSE_SECONDS)
            await runtime.sleep(pause)
            paused += pause
            pause_at += random.randint(*_PACED_READS)
    probe.observe("sink paused", paused)


async def _read_stalled(runtime: Runtime, probe: Probe, stream: ByteStream, check: StreamCheck) -> None:
    while check.received < _STALL_AFTER_BYTES and (data := await stream.receive_some(READ_BYTES)):
        check.take(data)
    probe.share("stalled after", check.received)
    try:
        await probe.receive("resume")
    except PeerEndedError:
        # The writer reports itself why it ended; the bytes that it has sent still count.
        return await _read_fast(runtime, probe, stream, check)
    probe.share("resumed at", perf_counter_ns())
    return await _read_fast(runtime, probe, stream, check)


_PEERS: dict[str, Callable[[Runtime, Probe, ByteStream, StreamCheck], Awaitable[None]]] = {
    "fast": _read_fast,
    "paced": _read_paced,
    "stalled": _read_stalled,
}


def _report_received(probe: Probe, pattern: StreamPattern, check: StreamCheck) -> None:
    probe.observe("bytes received", check.received)
    probe.observe("bytes lost", max(0, pattern.total_bytes - check.received))
    probe.observe("bytes too many", max(0, check.received - pattern.total_bytes))
    probe.observe("stream", "as sent" if check.first_wrong is None else "damaged")
    if check.first_wrong is not None:
        probe.observe("first wrong byte", check.first_wrong)


# --- client: the writer ---


async def client(runtime: Runtime, probe: Probe) -> None:
    """Send the stream and its end, wait for the reply, and measure; watch for backpressure if the sink stalls."""
    pattern = _make_pattern(probe)
    host, port = await probe.receive("address")
    stream = await make_connect(runtime, probe, _COUNT_BYTES)(host, port)
    writer = _Writer(runtime, probe, stream, pattern)
    cpu, start_ns = process_time(), perf_counter_ns()
    try:
        if probe.parameters["peer"] == "stalled":
            await writer.write_against_stall()
        else:
            await writer.write()
        await stream.send_eof()
        reply = await receive_to_eof(stream, _COUNT_BYTES)
        end_ns = perf_counter_ns()
    finally:
        await stream.aclose()
    probe.observe("client CPU", process_time() - cpu)
    probe.observe("reply after the end", _name_reply(pattern, reply))
    await writer.report(start_ns, end_ns)


class _Writer:
    """Sends the stream and knows how much of it was accepted."""

    def __init__(self, runtime: Runtime, probe: Probe, stream: ByteStream, pattern: StreamPattern) -> None:
        self._runtime = runtime
        self._probe = probe
        self._send = stream.send_all
        self._pattern = pattern
        self._accepted = 0
        self._finished = False
        self._watch_resume = False
        self._resumed_ns = 0
        self._read_before_stall = 0

    async def write(self) -> None:
        """Send everything. The loop does nothing but send, because it is measured."""
        send, chunks, advance = self._send, self._pattern.chunks, self._probe.advance
        for _ in range(self._pattern.laps):
            for chunk in chunks:
                await send(chunk)
            advance(len(chunks))

    async def write_against_stall(self) -> None:
        """Send everything to a sink that stalls, and let it resume once nothing more is accepted."""
        async with self._runtime.open_task_group() as group:
            await group.spawn(self._write_counted)
            await self._watch_stall()

    async def _write_counted(self) -> None:
        for _ in range(self._pattern.laps):
            for chunk in self._pattern.chunks:
                await self._send(chunk)
                self._accepted += len(chunk)
                if self._watch_resume and not self._resumed_ns:
                    self._resumed_ns = perf_counter_ns()
            self._probe.advance(len(self._pattern.chunks))
        self._finished = True

    async def _watch_stall(self) -> None:
        self._read_before_stall = await self._probe.receive("stalled after")
        seen, still = -1, 0
        while still < _STILL_POLLS and not self._finished:
            await self._runtime.sleep(_POLL_SECONDS)
            still = still + 1 if self._accepted == seen else 0
            seen = self._accepted
        self._probe.observe("writer blocked", "no" if self._finished else "yes")
        # Only whole chunks are counted as accepted, so that with large ones this is a lower bound.
        self._probe.observe("bytes buffered at the stall", max(0, self._accepted - self._read_before_stall))
        self._watch_resume = True
        self._probe.share("resume", self._accepted)

    async def report(self, start_ns: int, end_ns: int) -> None:
        """Observe the measured values, after everything has ended."""
        total_bytes = self._pattern.total_bytes
        self._probe.observe("bytes sent", total_bytes)
        if self._probe.parameters["peer"] != "stalled":
            self._report_throughput(total_bytes, end_ns - start_ns)
        else:
            # The stall is ours and as long as it takes to see it: what counts is the speed after it.
            # Both roles read the system's one monotonic clock, so that a time of the other role can be subtracted.
            sink_resumed_ns = await self._probe.receive("resumed at")
            self._report_throughput(total_bytes - self._read_before_stall, end_ns - sink_resumed_ns)
            if self._resumed_ns:
                self._probe.observe("time to resume", (self._resumed_ns - sink_resumed_ns) / 1e6)
        peak = read_peak_memory_bytes()
        if peak is not None:
            self._probe.observe("writer peak memory", peak / _MIB)

    def _report_throughput(self, size: int, duration_ns: int) -> None:
        self._probe.observe("throughput", size / _MIB * 1e9 / duration_ns)


def _name_reply(pattern: StreamPattern, reply: bytes) -> str:
    if not reply:
        return "missing"
    return "all bytes" if reply == pattern.total_bytes.to_bytes(_COUNT_BYTES, "big") else "another count"


# --- declaration ---

_JUDGES: dict[str, Judge] = {
    "throughput": metric("MiB/s", better="higher"),
    "time to resume": metric("ms"),
    "client CPU": metric("s"),
    "server CPU": metric("s"),
    "writer peak memory": info("MiB"),
    "bytes buffered at the stall": bounded(
        at_most=_MOST_BUFFERED_BYTES,
        reason="accepted bytes that are not read must fit into buffers of a fixed size, however much there is to send",
        reference="tcp(7), tcp_rmem and tcp_wmem: a few MB are usual, and how many differs between runtimes",
    ),
    "writer blocked": outcomes(
        {
            "yes": allowed("while the peer does not read, no more bytes are accepted"),
            "no": forbidden("everything was accepted although the peer read nothing: there is no backpressure"),
        }
    ),
    "bytes sent": info("B"),
    "bytes received": info("B"),
    "bytes lost": bounded(at_most=0, reason="TCP delivers every byte before the end of the stream"),
    "bytes too many": bounded(at_most=0, reason="TCP delivers every byte once"),
    "stream": outcomes(
        {
            "as sent": allowed("each byte that arrived is the one that was sent at its place"),
            "damaged": forbidden("TCP delivers bytes in order and unchanged; see the first wrong byte"),
        }
    ),
    "first wrong byte": info("offset"),
    "reply after the end": outcomes(
        {
            "all bytes": allowed("a half-closed stream still receives, and the sink has seen every byte and the end"),
            "another count": forbidden("the sink saw the end after another number of bytes than were sent"),
            "missing": forbidden("a half-closed stream still receives", "RFC 9293, section 3.6"),
        }
    ),
    "sink paused": info("s"),
}

_PARAMETERS = (
    Parameter(
        name="peer", default="fast", summary="how the sink reads; stalled resumes in the end", choices=tuple(_PEERS)
    ),
    Parameter(name="chunk", default=64 * _KIB, summary="size of one send", unit="B", at_least=64, at_most=_MIB),
    Parameter(
        name="total_bytes",
        default=512 * _MIB,
        summary="how much is sent, in whole laps of the pattern; a stalled sink is sent at least 96 MiB",
        unit="B",
        at_least=1,
    ),
    TLS,
)

_STALLED: dict[str, Value] = {"peer": "stalled", "chunk": 16 * _KIB, "total_bytes": _LEAST_STALLED_BYTES}

sink = Scenario(
    name="sink",
    order=30,
    question="How fast does a stream flow, and does its writer wait while the peer does not read?",
    contract=(
        "Every byte arrives, in order and unchanged, and so does the end of the stream.",
        "A reply that is sent after the end of the stream comes back (with TLS, after its last byte).",
        "While the sink stalls the writer blocks: bytes accepted and not read stay bounded.",
        "When the sink reads again the writer goes on.",
    ),
    ref="harness_scenarios.load.sink:sink",
    roles={"server": server, "client": client},
    parameters=_PARAMETERS,
    judges=_JUDGES,
    headline="throughput",
    rows={
        "quick": ({"peer": "fast"}, _STALLED),
        "default": (
            {"peer": "fast", "chunk": 64, "total_bytes": 8 * _MIB},
            {"peer": "fast"},
            {"peer": "fast", "chunk": _MIB, "total_bytes": 1024 * _MIB},
            {"peer": "paced", "total_bytes": 8 * _MIB},
            _STALLED,
            {"tls": True, "total_bytes": 128 * _MIB},
        ),
    },
    preflight=prepare_tls,
    timeout=60.0,
    hang_after=10.0,
    summary="send a stream to a peer that reads and discards it: fast, with pauses, or stalled and resumed",
    catches=("byte-flipped", "send-without-limit"),
)
