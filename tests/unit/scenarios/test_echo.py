"""Every reply is compared with its request: what is damaged, stale, foreign, cut off or missing is seen."""

from __future__ import annotations

import pytest

from harness.testing.wrapping import Wrapped
from harness_scenarios.load.echo import echo
from harness_scenarios.parts.serving import receive_exactly

SMALL = {"requests": 60, "connections": 3, "size": 100}


def sabotage_client(make_stream):
    """Return a wrapping of the client's runtime whose connections are `make_stream(connection)`."""

    class Sabotaged(Wrapped):
        async def connect(self, *address):
            return make_stream(await self.inner.connect(*address))

    return {"client": Sabotaged}


def sabotage_server(make_stream):
    """Return a wrapping of the server's runtime whose connections are `make_stream(connection)`."""

    class SabotagedListener(Wrapped):
        async def accept(self):
            return make_stream(await self.inner.accept())

    class Sabotaged(Wrapped):
        async def listen(self, **options):
            return SabotagedListener(await self.inner.listen(**options))

    return {"server": Sabotaged}


class Pieces:
    """A stream that gives what it holds, at most three bytes at once."""

    def __init__(self, data):
        self.data = data

    async def receive_some(self, max_bytes):
        """Return the next piece."""
        size = min(3, max_bytes)
        piece, self.data = self.data[:size], self.data[size:]
        return piece


def run(coroutine):
    """Run a coroutine that never waits."""
    with pytest.raises(StopIteration) as stopped:
        coroutine.send(None)
    return stopped.value.value


@pytest.mark.parametrize("size", range(1, 8))
def test_exactly_so_many_bytes_are_read(size):
    """Whatever the pieces are, and no byte of the next message."""
    stream = Pieces(b"abcdefgh")
    assert (run(receive_exactly(stream, size)), stream.data) == (b"abcdefgh"[:size], b"abcdefgh"[size:])


def test_an_end_gives_what_came_before_it():
    """A message that is cut off, and one that did not begin."""
    assert run(receive_exactly(Pieces(b"abcde"), 8)) == b"abcde"
    assert run(receive_exactly(Pieces(b""), 8)) == b""


# --- healthy ---


@pytest.mark.parametrize(
    "row",
    [
        {"connections": 1, "size": 16},
        {"connections": 3, "size": 1001, "writes": 2},
        {"connections": 20, "size": 1024},
        {"connections": 2, "size": 102_400, "requests": 10},
    ],
)
def test_every_request_is_answered_on_each_backend(run_roles, backend, row):
    """With one or two writes a reply, one or many connections, small or large."""
    # On 127.0.0.1 a second small write may wait for 40 ms, so that few requests are sent on a connection.
    report = run_roles(echo, {"requests": 40 if row.get("writes", 1) == 1 else 3, **row}, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    assert report["replies right"] == report["requests due"] > 0
    assert report["requests per second"] > 0
    assert "client error" not in report


def test_requests_are_shared_by_all_connections(run_roles):
    """Also when they cannot be shared evenly, or are fewer than the connections."""
    for requests in (2, 61):
        report = run_roles(echo, {**SMALL, "requests": requests})
        assert (report["replies right"], report.violations) == (requests, set())


def test_percentiles_need_their_sample(run_roles):
    """Of sixty requests a median is given and no p99.9."""
    report = run_roles(echo, SMALL)
    assert 0 < report["latency p50"] <= report["latency max"]
    assert "latency p99.9" not in report


# --- saboteurs ---


class FlippingStream(Wrapped):
    """Sends one wrong byte in its third write."""

    sent = 0

    async def send_all(self, data):
        """Send, damaged once."""
        self.sent += 1
        await self.inner.send_all(bytes([data[0] ^ 1]) + data[1:] if self.sent == 3 else data)


def test_a_flipped_byte(run_roles, backend):
    """One wrong reply on each connection; the others are right."""
    report = run_roles(echo, SMALL, wrap=sabotage_server(FlippingStream), backend=backend)
    assert report.violations == {"replies wrong"}
    assert (report["replies wrong"], report["replies right"]) == (3, 57)


def test_a_stale_reply(run_roles):
    """A reply that is the one before: of the right connection and size, and wrong."""

    class StaleStream(Wrapped):
        before = None

        async def send_all(self, data):
            await self.inner.send_all(self.before or data)
            self.before = data

    report = run_roles(echo, SMALL, wrap=sabotage_server(StaleStream))
    assert report.violations == {"replies wrong"}
    assert report["replies right"] == 3


def test_a_reply_of_another_connection(run_roles):
    """Two connections are swapped where they are read."""
    streams = []

    class SwappedStream(Wrapped):
        def __init__(self, inner):
            super().__init__(inner)
            streams.append(inner)

        async def receive_some(self, max_bytes):
            other = streams[1 - streams.index(self.inner)]
            return await other.receive_some(max_bytes)

    report = run_roles(echo, {**SMALL, "connections": 2}, wrap=sabotage_client(SwappedStream))
    assert report.violations == {"replies wrong"}
    assert report["replies right"] == 0


def test_a_reply_that_is_cut_off(run_roles, backend):
    """A server that closes in the middle of a reply: the rest of the requests get none."""

    class CuttingStream(FlippingStream):
        async def send_all(self, data):
            self.sent += 1
            await self.inner.send_all(data[:50] if self.sent == 3 else data)
            if self.sent == 3:
                await self.inner.send_eof()

    report = run_roles(echo, SMALL, wrap=sabotage_server(CuttingStream), backend=backend)
    assert report.violations == {"replies cut off", "requests without reply"}
    assert (report["replies right"], report["replies cut off"], report["requests without reply"]) == (6, 3, 51)


def test_a_connection_that_breaks(run_roles):
    """The error is shown, and its requests are counted as unanswered."""

    class BreakingStream(FlippingStream):
        async def send_all(self, data):
            self.sent += 1
            if self.sent == 3:
                raise ConnectionResetError("planted")
            await self.inner.send_all(data)

    report = run_roles(echo, SMALL, wrap=sabotage_client(BreakingStream))
    assert report.violations == {"requests without reply"}
    assert (report["requests without reply"], report["client error"]) == (54, "ConnectionResetError: planted")
