"""What a merge loses, repeats, swaps or serves too late is seen, whichever way it waits for its two sources."""

from __future__ import annotations

import pytest

from harness.testing.wrapping import Wrapped
from harness_scenarios.load.merge import ITEM_BYTES, MOST_WAIT, READ_BYTES, merge

WAYS = ("both", "channel", "sticky", "flags")
LOADS = ("both", "one", "alternating", "closed-early")
ITEMS = 400
STARVED = 1600
"""Items of a busy source, enough that a starved one waits longer than may be."""


def sabotage_streams(*stream_classes):
    """Return a wrapping of the runtime whose first connections are of these classes, made with the runtime."""

    class Sabotaged(Wrapped):
        made = 0

        async def connect(self, *address):
            stream = stream_classes[self.made](await self.inner.connect(*address))
            stream.runtime = self
            self.made += 1
            return stream

    return {"main": Sabotaged}


class EditedStream(Wrapped):
    """Gives the consumer `edit(data)` in the place of its fifth read."""

    reads = 0
    left = b""

    async def receive_some(self, max_bytes):
        """Read, edited once."""
        while not self.left:
            data = await self.inner.receive_some(max_bytes)
            if not data:
                return data
            self.reads += 1
            self.left = self.edit(data) if self.reads == 5 else data
        data, self.left = self.left[:max_bytes], self.left[max_bytes:]
        return data


def make_edited(edit):
    """Return a wrapping whose first stream has that edit."""
    return sabotage_streams(type("Edited", (EditedStream,), {"edit": staticmethod(edit)}), Wrapped)


# --- healthy ---


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("load", LOADS)
def test_nothing_is_lost_on_each_backend(run_roles, backend, way, load):
    """In each way and under each load."""
    report = run_roles(merge, {"way": way, "load": load, "items": ITEMS}, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    number = {"both": 2 * ITEMS, "one": ITEMS + 20, "alternating": ITEMS // 2, "closed-early": ITEMS + ITEMS // 10}
    assert report["items served"] == number[load]
    assert report["time per item"] > 0
    assert report["wake-ups per item"] > 0
    assert ("share of the first source" in report, "longest wait of the quiet source" in report) == (
        load == "both",
        load == "one",
    )


@pytest.mark.parametrize("way", WAYS)
def test_the_quiet_source_is_served_between_those_of_the_busy_one(run_roles, way):
    """On a scheduler of one thread that is so for each item, not only for most."""
    report = run_roles(merge, {"way": way, "load": "one", "items": STARVED})
    assert report["longest wait of the quiet source"] < 30
    assert report["typical wait of the quiet source"] < 30


def test_two_busy_sources_that_raise_flags_take_turns(run_roles):
    """Each wake-up serves both."""
    report = run_roles(merge, {"way": "flags", "load": "both", "items": ITEMS})
    assert report["share of the first source"] == pytest.approx(50, abs=1)


def test_a_full_read_of_the_quiet_source_leaves_something():
    """Its items cannot end where a read does, so that reading on does not wait for what does not come."""
    assert all(number * ITEM_BYTES % READ_BYTES for number in range(1, 21))


def test_a_quiet_source_that_is_served_last_waits_too_long():
    """With the default number of items, about half of them come before it."""
    default = {parameter.name: parameter.default for parameter in merge.parameters}
    assert default["items"] // 2 > MOST_WAIT


# --- saboteurs ---


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("edit", "violations"),
    [
        (lambda data: data[:-1], {"bytes lost", "streams"}),
        (lambda data: b"", {"bytes lost", "streams"}),
        (lambda data: data * 2, {"bytes too many", "streams"}),
        (lambda data: bytes([data[0] ^ 1]) + data[1:], {"streams"}),
    ],
    ids=["a lost byte", "a lost read", "a read twice", "a flipped byte"],
)
def test_a_read_that_changes(run_roles, way, edit, violations):
    """What is lost or too many is counted, what is wrong is seen, in each way."""
    report = run_roles(merge, {"way": way, "load": "both", "items": ITEMS}, wrap=make_edited(edit))
    assert (report.errors, report.violations) == ({}, violations)


def test_swapped_reads(run_roles):
    """All bytes are served, in another order."""

    class SwappingStream(Wrapped):
        reads = 0
        held = b""

        async def receive_some(self, max_bytes):
            self.reads += 1
            if self.reads == 5:
                self.held = await self.inner.receive_some(max_bytes)
            if self.reads == 6:
                return self.held
            return await self.inner.receive_some(max_bytes)

    wrap = sabotage_streams(SwappingStream, Wrapped)
    report = run_roles(merge, {"way": "channel", "load": "both", "items": ITEMS}, wrap=wrap)
    assert (report.errors, report.violations) == ({}, {"streams"})


@pytest.mark.parametrize("way", WAYS)
def test_an_early_end_that_ends_the_other_source_too(run_roles, way):
    """When the second source closes, the first one loses what it still has."""
    ends = []

    class EndingStream(Wrapped):
        async def receive_some(self, max_bytes):
            data = await self.inner.receive_some(max_bytes)
            if not data:
                ends.append(self)
            return data

    class EndedStream(Wrapped):
        async def receive_some(self, max_bytes):
            data = await self.inner.receive_some(max_bytes)
            return b"" if ends else data

    wrap = sabotage_streams(EndedStream, EndingStream)
    report = run_roles(merge, {"way": way, "load": "closed-early", "items": STARVED}, wrap=wrap)
    assert "bytes lost" in report.violations


class BusyStream(Wrapped):
    """A stream that says when it has ended."""

    async def receive_some(self, max_bytes):
        """Read, and note the end."""
        data = await self.inner.receive_some(max_bytes)
        if not data:
            await self.runtime.busy_one_ended.set()
        return data


class StarvedStream(Wrapped):
    """A stream on which nothing is ready while the other one has more."""

    async def receive_some(self, max_bytes):
        """Wait for the end of the other, then read."""
        await self.runtime.busy_one_ended.wait()
        return await self.inner.receive_some(max_bytes)


@pytest.mark.parametrize("way", WAYS)
def test_a_quiet_source_that_is_starved(run_roles, way):
    """Its items are all there, and were served when nobody else was left."""

    class StarvingRuntime(sabotage_streams(BusyStream, StarvedStream)["main"]):
        def __init__(self, inner):
            super().__init__(inner)
            self.busy_one_ended = inner.create_event()

    row = {"way": way, "load": "one", "items": STARVED}
    report = run_roles(merge, row, wrap={"main": StarvingRuntime})
    late = {"typical wait of the quiet source"}
    if way in ("both", "sticky"):
        late.add("longest wait of the quiet source")
    assert (report.errors, report.violations) == ({}, late)
    assert report["typical wait of the quiet source"] == pytest.approx(STARVED / 2, rel=0.1)


def test_a_channel_that_holds_items_back_for_a_while(run_roles):
    """The merge has them, and serves hundreds of others first: seen although the typical wait is short."""

    class HoldingReceiver(Wrapped):
        busy_reads = 0

        def __init__(self, inner):
            super().__init__(inner)
            self.held = []

        async def receive(self):
            # A read of the busy source holds two items or fewer, and the first quiet item comes before read 100.
            while self.busy_reads < 500 or not self.held:
                item = await self.inner.receive()
                if item[0].index == 0 or self.busy_reads >= 500:
                    self.busy_reads += 1
                    return item
                self.held.append(item)
            return self.held.pop(0)

    class HoldingRuntime(Wrapped):
        def open_channel(self, capacity):
            sender, receiver = self.inner.open_channel(capacity)
            return sender, HoldingReceiver(receiver)

    report = run_roles(merge, {"way": "channel", "load": "one", "items": STARVED}, wrap={"main": HoldingRuntime})
    assert "longest wait of the quiet source" in report.violations
    assert "typical wait of the quiet source" not in report.violations
