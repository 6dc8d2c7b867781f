"""Messages come out as they went in, and what is lost, changed, swapped, too long or incomplete is seen."""

from __future__ import annotations

import pytest

from harness.testing.wrapping import Wrapped
from harness_scenarios.load.frames import LIMIT_BYTES, MESSAGE_BYTES, LineError, LineSplitter, Plan, compare, frames

SMALL = {"count": 500, "write_bytes": 100, "read_bytes": 64}
LINE = MESSAGE_BYTES + 1


class DamagedStream(Wrapped):
    """Gives the reader `damage(everything)` instead of what was sent, in reads of the size asked."""

    arrived = None

    async def receive_some(self, max_bytes):
        """Read, damaged."""
        if self.arrived is None:
            parts = []
            while part := await self.inner.receive_some(65_536):
                parts.append(part)
            self.arrived = self.damage(b"".join(parts))
        data, self.arrived = self.arrived[:max_bytes], self.arrived[max_bytes:]
        return data


def sabotage_reader(stream_class):
    """Return a wrapping of the client's runtime that connects streams of a class."""

    class Sabotaged(Wrapped):
        async def connect(self, *address):
            return stream_class(await self.inner.connect(*address))

    return {"client": Sabotaged}


def make_damage(damage):
    """Return a wrapping whose stream has that damage."""
    return sabotage_reader(type("Damaged", (DamagedStream,), {"damage": staticmethod(damage)}))


# --- the splitter ---


@pytest.mark.parametrize("size", range(1, 2 * LINE))
def test_a_cut_at_any_place_changes_nothing(size):
    """Lines, also empty ones, come out whole from pieces of any size."""
    stream = b"\n".join([*Plan("plain", 8).whole, b"", b"rest"])
    splitter = LineSplitter(MESSAGE_BYTES)
    lines = [line for at in range(0, len(stream), size) for line in splitter.feed(stream[at : at + size])]
    assert lines == [*Plan("plain", 8).whole, b""]
    assert splitter.finish() == b"rest"


@pytest.mark.parametrize("size", range(1, 20))
def test_a_long_line_is_one_error_in_its_place(size):
    """Whether it is cut or not; the lines around it are whole, and one at the limit is a line."""
    stream = b"before\n" + b"x" * 11 + b"\n" + b"y" * 10 + b"\n" + b"z" * 35 + b"\nafter\n"
    splitter = LineSplitter(10)
    lines = [line for at in range(0, len(stream), size) for line in splitter.feed(stream[at : at + size])]
    assert lines == [b"before", LineError.TOO_LONG, b"y" * 10, LineError.TOO_LONG, b"after"]
    assert splitter.finish() == b""


def test_a_long_line_is_reported_before_it_ends_and_once():
    """One that never ends is no hang; its end, when it comes, is not a line."""
    splitter = LineSplitter(10)
    assert splitter.feed(b"x" * 10) == []
    assert splitter.feed(b"x") == [LineError.TOO_LONG]
    assert (splitter.feed(b"x" * 30), splitter.finish()) == ([], b"")
    assert splitter.feed(b"x\ny\n") == [b"y"]


# --- healthy ---


@pytest.mark.parametrize("case", ["plain", "long-line", "no-last-newline"])
@pytest.mark.parametrize("read_bytes", [26, 65_536])
def test_messages_come_out_as_sent_on_each_backend(run_roles, backend, case, read_bytes):
    """In each case, with reads that cut lines and reads that hold many."""
    report = run_roles(frames, {"count": 500, "case": case, "read_bytes": read_bytes}, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    assert report["messages due"] == 500 - (case == "no-last-newline")
    assert (report["order"], report["after the last newline"], report["checksum"]) == ("as sent",) * 3
    assert report["time per message"] > 0


def test_writes_cut_messages_at_every_offset():
    """The default write shares no factor with the size of a line."""
    size = next(parameter.default for parameter in frames.parameters if parameter.name == "write_bytes")
    assert {size * number % LINE for number in range(LINE)} == set(range(LINE))


def test_planted_lines_lie_at_and_above_the_limit():
    """One of the longest accepted size, two above; the plain case has none."""
    assert sorted(map(len, Plan("long-line", 100).whole))[-3:] == [LIMIT_BYTES, LIMIT_BYTES + 1, 10 * LIMIT_BYTES]
    assert Plan("long-line", 100).expect().count(LineError.TOO_LONG) == 2
    assert set(map(len, Plan("plain", 100).whole)) == {MESSAGE_BYTES}


# --- saboteurs ---


def test_a_lost_byte(run_roles, backend):
    """The message it belonged to is lost, and one comes out that was not sent."""
    report = run_roles(frames, SMALL, wrap=make_damage(lambda data: data[:5000] + data[5001:]), backend=backend)
    assert report.violations == {"messages lost", "messages that were not sent", "checksum"}
    assert (report["messages lost"], report["messages that were not sent"]) == (1, 1)


def test_a_lost_newline(run_roles):
    """Two messages become one."""
    report = run_roles(frames, SMALL, wrap=make_damage(lambda data: data.replace(b"\n", b"", 1)))
    assert report.violations == {"messages lost", "messages that were not sent", "checksum"}
    assert (report["messages lost"], report["messages that were not sent"]) == (2, 1)


def test_swapped_messages(run_roles):
    """All are there, in another order."""
    swap = make_damage(lambda data: data[LINE : 2 * LINE] + data[:LINE] + data[2 * LINE :])
    assert run_roles(frames, SMALL, wrap=swap).violations == {"order", "checksum"}


def test_a_message_twice(run_roles):
    """One too many, the others in order."""
    report = run_roles(frames, SMALL, wrap=make_damage(lambda data: data[:LINE] + data))
    assert report.violations == {"messages that were not sent", "checksum"}
    assert report["messages that were not sent"] == 1


def test_a_dropped_last_line(run_roles):
    """A stream whose unfinished end is thrown away."""
    drop = make_damage(lambda data: data[: data.rfind(b"\n") + 1])
    report = run_roles(frames, {**SMALL, "case": "no-last-newline"}, wrap=drop)
    assert report.violations == {"after the last newline", "checksum"}
    assert report["after the last newline"] == "lost"


def test_a_stream_that_is_cut_off(run_roles):
    """The end comes inside a message: the rest is not the one that was sent."""
    report = run_roles(frames, SMALL, wrap=make_damage(lambda data: data[:-5]))
    assert report.violations == {"messages lost", "after the last newline", "checksum"}
    assert report["after the last newline"] == "damaged"


def test_a_dropped_long_line(run_roles):
    """A stream from which the long line vanished: no error is reported for it."""
    drop = make_damage(lambda data: b"\n".join(line for line in data.split(b"\n") if len(line) <= LIMIT_BYTES))
    report = run_roles(frames, {**SMALL, "case": "long-line"}, wrap=drop)
    assert report.violations == {"long lines not reported", "checksum"}
    assert report["long lines not reported"] == 2


def test_reads_above_the_size_asked(run_roles):
    """A stream that returns all that it has; the messages are right."""

    class Generous(Wrapped):
        async def receive_some(self, max_bytes):
            return await self.inner.receive_some(max_bytes + 1)

    report = run_roles(frames, SMALL, wrap=sabotage_reader(Generous))
    assert report.violations == {"bytes read above the size asked"}


def test_an_error_that_moved():
    """An error is at a place of its own in the order."""
    moved = compare([b"a", LineError.TOO_LONG, b"b"], [b"a", b"b", LineError.TOO_LONG])
    assert (moved["order"], moved["long lines not reported"]) == ("changed", 0)
