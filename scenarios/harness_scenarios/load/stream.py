"""stream: an async generator produces chunks over time, and a handler writes them to a client.

Question: does a generator keep the pace of its client, and is it finalised when the client has gone?

Contract: the client gets every chunk, in order and unchanged. While the client does not read, the chunks that were
produced ahead of it stay bounded. When the client has gone, sending raises. However the handler ends, the generator's
`finally` has run before, to its end.

The handler closes its generator explicitly (`aclosing`): finalisation of an abandoned one is another question.

Nothing here depends on speed. The slow client reads on once the generator stands still, or has ended;
and until the client has announced its end, the generator produces nothing more.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from time import perf_counter_ns

from harness.api import (
    ByteStream,
    Capability,
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
from harness_scenarios.parts.posix import read_peak_memory_bytes
from harness_scenarios.parts.tagged_payload import LEAST_BYTES, make_request

_KIB = 1024
_MIB = 1024 * 1024
_MOST_AT_ONCE = 65_536

_CLIENTS = ("normal", "slow", "gone")
_POLL_SECONDS = 0.02
_STILL_POLLS = 10
"""The generator counts as standing still after this many polls in a row in which it produced nothing."""
_MOST_AHEAD_BYTES = 64 * _MIB
"""Above what any system's socket buffers hold by default."""
_LEAST_SLOW_BYTES = 96 * _MIB
"""A slow client is sent more than may be produced ahead of it."""


def _chunk_bytes(probe: Probe) -> int:
    size: int = probe.parameters["chunk_bytes"]
    if probe.parameters["client"] == "slow":
        # A stream that fits into the buffers would look as if the generator had never been made to wait.
        size = max(size, -(-_LEAST_SLOW_BYTES // int(probe.parameters["chunks"])))
    return size


def _last_before_leaving(probe: Probe) -> int:
    return max(1, int(probe.parameters["chunks"]) // 10)


def _make_chunk(index: int, seed: int, size: int) -> bytes:
    return make_request(index, seed, size)


# --- server ---


async def server(runtime: Runtime, probe: Probe) -> None:
    """Write the chunks of the generator to the one client, and observe how generator and handler end."""
    listener = await runtime.listen()
    handler = _Handler(runtime, probe)

    async def serve() -> None:
        stream = await listener.accept()
        try:
            await handler.attend(stream)
        finally:
            await stream.aclose()

    try:
        probe.share("address", list(listener.address))
        async with runtime.open_task_group() as group:
            await group.spawn(serve)
            if probe.parameters["client"] == "slow":
                await group.spawn(handler.watch)
            await probe.until_ended("client")
            # A handler that has begun has to end by itself, also without its client: that is the question.
            if not handler.has_begun:
                await group.cancel()
    finally:
        await listener.aclose()
        handler.report()


class _Handler:
    """Writes the chunks of its generator to a client, and keeps what became of both."""

    def __init__(self, runtime: Runtime, probe: Probe) -> None:
        self._runtime = runtime
        self._probe = probe
        self._size = _chunk_bytes(probe)
        self.has_begun = False
        self._has_ended = False
        self._produced = 0
        self._sent = 0
        self._gone_ns = 0
        self._sent_to_nobody = 0
        self._sending = "completed"
        self._finalised = "never"

    async def attend(self, stream: ByteStream) -> None:
        """Write all chunks, or as many as the client takes."""
        self.has_begun = True
        start_ns = perf_counter_ns()
        try:
            async with aclosing(self._produce()) as chunks:
                async for chunk in chunks:
                    if not await self._send(stream, chunk):
                        break
                else:
                    if not self._gone_ns:
                        await stream.send_eof()
        finally:
            self._has_ended = True
        if self._sent == self._probe.parameters["chunks"] and self._probe.parameters["client"] == "normal":
            self._probe.observe("time per chunk", (perf_counter_ns() - start_ns) / self._sent / 1000)

    async def _produce(self) -> AsyncGenerator[bytes, None]:
        number, interval = self._probe.parameters["chunks"], self._probe.parameters["interval"]
        leaves_after = _last_before_leaving(self._probe) if self._probe.parameters["client"] == "gone" else None
        try:
            for index in range(number):
                await self._runtime.sleep(interval)
                if index == leaves_after:
                    await self._until_client_went()
                self._produced += 1
                self._probe.advance()
                yield _make_chunk(index, self._probe.seed, self._size)
        finally:
            # A wait, as in a generator that releases a resource.
            await self._runtime.checkpoint()
            self._finalised = "after the handler ended" if self._has_ended else "before the handler ended"

    async def _until_client_went(self) -> None:
        try:
            self._gone_ns = await self._probe.receive("gone")
        except PeerEndedError:
            # It ended without a word, which it reports itself; it has gone all the same.
            self._gone_ns = perf_counter_ns()

    async def _send(self, stream: ByteStream, chunk: bytes) -> bool:
        try:
            await stream.send_all(chunk)
        except Exception as exc:
            if self._runtime.is_cancelled(exc):
                raise
            self._sending = "raised"
            self._probe.observe("meaning of the send's error", self._runtime.classify(exc).value)
            if self._gone_ns:
                # Both roles read the system's one monotonic clock, so that a time of the other can be subtracted.
                self._probe.observe("time to notice", (perf_counter_ns() - self._gone_ns) / 1e6)
            return False
        self._sent += 1
        self._sent_to_nobody += bool(self._gone_ns)
        return True

    async def watch(self) -> None:
        """Wait until the generator stands still or has ended, then let the slow client read on."""
        try:
            taken = await self._probe.receive("taken before the pause")
        except PeerEndedError:
            return  # no reader waits
        seen, still = -1, 0
        while still < _STILL_POLLS and not self._has_ended:
            await self._runtime.sleep(_POLL_SECONDS)
            still = still + 1 if self._produced == seen else 0
            seen = self._produced
        self._probe.observe("bytes ahead of the client", max(0, self._produced * self._size - taken))
        self._probe.observe("generator waited", "no" if self._has_ended else "yes")
        self._probe.share("read on", self._produced)

    def report(self) -> None:
        """Observe what became of the handler and its generator, after everything has ended."""
        if not self.has_begun:
            return
        gone = self._probe.parameters["client"] == "gone"
        self._probe.observe("chunks produced", self._produced)
        self._probe.observe("generator finalised", self._finalised)
        self._probe.observe("sending to the client that went" if gone else "sending", self._sending)
        if gone:
            self._probe.observe("chunks sent to nobody", self._sent_to_nobody)
        peak = read_peak_memory_bytes()
        if peak is not None:
            self._probe.observe("server peak memory", peak / _MIB)


# --- client ---


async def client(runtime: Runtime, probe: Probe) -> None:
    """Read the chunks as the cell asks for, and compare them with the expected ones."""
    host, port = await probe.receive("address")
    reception = _Reception(probe, await runtime.connect(host, port))
    try:
        await reception.read()
    finally:
        await reception.aclose()
    if probe.parameters["client"] == "gone":
        probe.share("gone", perf_counter_ns())
    reception.report()


class _Reception:
    """What one client reads."""

    def __init__(self, probe: Probe, stream: ByteStream) -> None:
        self._probe = probe
        self._stream = stream
        self._size = _chunk_bytes(probe)
        self._chunks = probe.parameters["chunks"]
        self._received = 0
        self._damaged = 0
        self._surplus = 0

    async def read(self) -> None:
        """Read to the end, with a pause after the first chunk; or leave after some chunks."""
        kind = self._probe.parameters["client"]
        if kind == "gone":
            self._chunks = _last_before_leaving(self._probe)
            await self._read_chunks(self._chunks)
            return
        if kind == "slow":
            await self._read_chunks(1)
            self._probe.share("taken before the pause", self._received)
            await self._probe.receive("read on")
        await self._read_chunks(self._chunks)
        while data := await self._stream.receive_some(_MOST_AT_ONCE):
            self._surplus += len(data)

    async def _read_chunks(self, until: int) -> None:
        """Read and check up to chunk `until`, or to the end of the stream."""
        for index in range(self._received // self._size, until):
            expected, place = _make_chunk(index, self._probe.seed, self._size), 0
            while place < self._size:
                data = await self._stream.receive_some(min(_MOST_AT_ONCE, self._size - place))
                if not data:
                    return
                if data != expected[place : place + len(data)]:
                    self._damaged += 1
                place += len(data)
                self._received += len(data)
            self._probe.advance()

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

    def report(self) -> None:
        """Observe what arrived."""
        self._probe.observe("chunks received", self._received // self._size)
        self._probe.observe("bytes lost", self._chunks * self._size - self._received)
        self._probe.observe("bytes too many", self._surplus)
        self._probe.observe("chunks", "damaged" if self._damaged else "as produced")


# --- declaration ---

_JUDGES: dict[str, Judge] = {
    "time per chunk": metric("µs"),
    "time to notice": info("ms"),
    "chunks sent to nobody": info(),
    "chunks produced": info(),
    "chunks received": info(),
    "bytes lost": bounded(at_most=0, reason="every chunk that the client waits for arrives, before the end"),
    "bytes too many": bounded(at_most=0, reason="every chunk arrives once"),
    "chunks": outcomes(
        {
            "as produced": allowed("each byte that arrived is the one that was produced for its place"),
            "damaged": forbidden("TCP delivers bytes in order and unchanged"),
        }
    ),
    "bytes ahead of the client": bounded(
        at_most=_MOST_AHEAD_BYTES,
        reason="produced bytes that are not read must fit into buffers of a fixed size, however much there is to send",
        reference="BEHAVIOURS F01: about 160 KB to 3.9 MB are legitimate",
    ),
    "generator waited": outcomes(
        {
            "yes": allowed("while the client does not read, sending waits, and so the generator does"),
            "no": forbidden("everything was produced although the peer read nothing: there is no backpressure"),
        }
    ),
    "generator finalised": outcomes(
        {
            "before the handler ended": allowed("an explicit aclose runs the generator's finally to its end"),
            "after the handler ended": forbidden("aclose returned before the generator's finally had run"),
            "never": forbidden("the generator's finally did not run to its end", "PEP 525, asynchronous generators"),
        }
    ),
    "sending": outcomes(
        {
            "completed": allowed("the client reads to the end, so no send may fail"),
            "raised": forbidden("a send raised although the client was there"),
        }
    ),
    "sending to the client that went": outcomes(
        {
            "raised": allowed("a send after the client went raises, so that producing can stop"),
            "completed": forbidden("all chunks were sent after the client had gone, and its departure was not noticed"),
        }
    ),
    # Not judged: asyncio raises one error for "the peer went" and for "this side closed".
    "meaning of the send's error": info(),
    "server peak memory": info("MiB"),
}

_PARAMETERS = (
    Parameter(
        name="client",
        default="normal",
        summary="slow: pauses after one chunk until no more is produced; gone: closes after a tenth of the chunks",
        choices=_CLIENTS,
    ),
    Parameter(name="chunks", default=100, summary="chunks produced", at_least=10),
    Parameter(
        name="chunk_bytes",
        default=4 * _KIB,
        summary="size of a chunk; for a slow client at least so much that all are 96 MiB",
        unit="B",
        at_least=LEAST_BYTES,
    ),
    Parameter(name="interval", default=0.002, summary="wait before each chunk", unit="s", at_least=0),
)

_ROWS: tuple[dict[str, Value], ...] = tuple({"client": client} for client in _CLIENTS)

stream = Scenario(
    name="stream",
    question="Does an async generator keep the pace of its client, and is it finalised when the client has gone?",
    contract=(
        "The client gets every chunk, in order and unchanged.",
        "While the client does not read the generator waits: bytes produced ahead of the client stay bounded.",
        "A send after the client went raises; while the client is there none does.",
        "The generator's finally has run to its end before the handler ends.",
    ),
    ref="harness_scenarios.load.stream:stream",
    roles={"server": server, "client": client},
    parameters=_PARAMETERS,
    judges=_JUDGES,
    headline="time per chunk",
    rows={
        "quick": _ROWS,
        "default": _ROWS,
        "thorough": (*_ROWS, {"chunk_bytes": 64 * _KIB}, {"client": "gone", "chunk_bytes": _MIB}, {"interval": 0.02}),
    },
    requires=(Capability.GROUP_CANCEL,),
    timeout=60.0,
    hang_after=10.0,
    summary="an async generator's chunks written to a client that reads, pauses, or goes away",
)
