"""A sink sees every byte that is lost, wrong or too many, and a writer that does not wait for it."""

from __future__ import annotations

import pytest

from harness.testing.wrapping import Wrapped
from harness_scenarios.load import sink as module
from harness_scenarios.load.sink import sink
from harness_scenarios.parts.stream_pattern import StreamPattern

SMALL = {"chunk": 1000, "total_bytes": 500_000}
TOTAL = StreamPattern(1000, 500_000).total_bytes


def sabotage_writer(stream_class):
    """Return a wrapping of the client's runtime that connects streams of a class."""

    class Sabotaged(Wrapped):
        async def connect(self, *address):
            return stream_class(await self.inner.connect(*address))

    return {"client": Sabotaged}


class DamagingStream(Wrapped):
    """Sends the eleventh chunk through `damage`, a list of what is sent in its place."""

    sent = 0

    async def send_all(self, data):
        """Send, damaged once."""
        self.sent += 1
        for part in self.damage(data) if self.sent == 11 else [data]:
            await self.inner.send_all(part)


def make_damaging_stream(damage):
    """Return a class of streams with that damage."""
    return type("Damaging", (DamagingStream,), {"damage": staticmethod(damage)})


# --- healthy ---


@pytest.mark.parametrize("chunk", [64, 1000, 65_536])
def test_every_byte_arrives_on_each_backend(run_roles, backend, chunk):
    """A fast sink reads all, replies, and the writer has a throughput."""
    total = StreamPattern(chunk, 500_000).total_bytes
    report = run_roles(sink, {"chunk": chunk, "total_bytes": 500_000}, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    assert (report["bytes sent"], report["bytes received"]) == (total, total)
    assert (report["stream"], report["reply after the end"]) == ("as sent", "all bytes")
    assert report["throughput"] > 0
    assert report.progress["client"] == total // chunk
    assert report.progress["server"] > 0


def test_a_paced_sink_gets_every_byte(run_roles, backend, monkeypatch):
    """Pauses at seeded places lose nothing."""
    monkeypatch.setattr(module, "_PACED_PAUSE_SECONDS", 0.002)
    report = run_roles(sink, {**SMALL, "peer": "paced"}, backend=backend, seed=3)
    assert (report.errors, report.violations) == ({}, set())
    assert report["bytes received"] == TOTAL
    assert 0 < report["sink paused"] < 0.02


def test_a_stalled_sink_makes_the_writer_wait_on_each_backend(run_roles, backend):
    """While the sink does not read, the writer blocks with a bounded buffer; then it goes on to the end."""
    report = run_roles(sink, {"peer": "stalled", "chunk": 16_384}, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    assert report["writer blocked"] == "yes"
    assert 0 < report["bytes buffered at the stall"] < 64 * 1024 * 1024
    assert report["bytes received"] == report["bytes sent"]
    assert report["time to resume"] > 0


# --- saboteurs ---


def test_a_lost_byte(run_roles, backend):
    """One byte missing: counted, placed, and the reply has another count."""
    wrap = sabotage_writer(make_damaging_stream(lambda data: [data[:-1]]))
    report = run_roles(sink, SMALL, wrap=wrap, backend=backend)
    assert report.violations == {"bytes lost", "stream", "reply after the end"}
    assert (report["bytes lost"], report["reply after the end"]) == (1, "another count")
    assert 10_999 <= report["first wrong byte"] < 11_010


def test_a_flipped_byte(run_roles):
    """The number is right, the byte is not; it is named by its offset."""
    wrap = sabotage_writer(make_damaging_stream(lambda data: [data[:500], bytes([data[500] ^ 1]), data[501:]]))
    report = run_roles(sink, SMALL, wrap=wrap)
    assert report.violations == {"stream"}
    assert report["first wrong byte"] == 10_500


def test_a_chunk_sent_twice(run_roles):
    """Too many bytes, and wrong ones from there on."""
    report = run_roles(sink, SMALL, wrap=sabotage_writer(make_damaging_stream(lambda data: [data, data])))
    assert report.violations == {"bytes too many", "stream", "reply after the end"}
    assert report["bytes too many"] == 1000


def test_swapped_chunks(run_roles):
    """The number is right and the order is not."""

    class SwappingStream(Wrapped):
        sent = 0

        async def send_all(self, data):
            self.sent += 1
            if self.sent == 11:
                self.held = data
                return
            await self.inner.send_all(data)
            if self.sent == 12:
                await self.inner.send_all(self.held)

    report = run_roles(sink, SMALL, wrap=sabotage_writer(SwappingStream))
    assert report.violations == {"stream"}
    assert 10_000 <= report["first wrong byte"] < 11_000


def test_a_whole_lap_lost(run_roles):
    """A loss after which the pattern fits again is seen by the count."""

    class LapLosingStream(Wrapped):
        sent = 0

        async def send_all(self, data):
            self.sent += 1
            if self.sent > len(StreamPattern(1000, 1).chunks):
                await self.inner.send_all(data)

    report = run_roles(sink, SMALL, wrap=sabotage_writer(LapLosingStream))
    assert report.violations == {"bytes lost", "reply after the end"}
    assert report["bytes lost"] == StreamPattern(1000, 1).period


def test_no_reply_after_the_end(run_roles, backend):
    """A sink whose reply does not come out."""

    class MuteStream(Wrapped):
        async def send_all(self, data):
            del data

    class MuteRuntime(Wrapped):
        async def listen(self, *args, **kwargs):
            listener = Wrapped(await self.inner.listen(*args, **kwargs))

            async def accept():
                return MuteStream(await listener.inner.accept())

            listener.accept = accept
            return listener

    report = run_roles(sink, SMALL, wrap={"server": MuteRuntime}, backend=backend)
    assert report.violations == {"reply after the end"}
    assert report["reply after the end"] == "missing"


class HoardingStream(Wrapped):
    """Accepts everything at once and sends it when the end is sent: no backpressure."""

    def __init__(self, inner):
        super().__init__(inner)
        self.hoard = []

    async def send_all(self, data):
        """Accept without waiting, but for the little that makes the sink stall."""
        if len(self.hoard) < 65:
            await self.inner.send_all(data)
        self.hoard.append(data)

    async def send_eof(self):
        """Send what was accepted, then the end."""
        for data in self.hoard[65:]:
            await self.inner.send_all(data)
        await self.inner.send_eof()


@pytest.mark.parametrize("backend", ["asyncio", "threads"])
def test_a_writer_without_backpressure(run_roles, backend):
    """It never blocks, and accepts more than any buffer may hold; still every byte arrives."""
    report = run_roles(
        sink, {"peer": "stalled", "chunk": 16_384}, wrap=sabotage_writer(HoardingStream), backend=backend
    )
    assert report.violations == {"writer blocked", "bytes buffered at the stall"}
    assert (report["writer blocked"], report["bytes lost"]) == ("no", 0)
    assert "time to resume" not in report
