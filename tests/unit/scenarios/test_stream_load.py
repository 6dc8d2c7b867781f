"""The load scenario `stream` sees chunks that change, a producer that runs ahead, and one that goes on for nobody."""

from __future__ import annotations

import pytest

from harness.testing.wrapping import Stream, Wrapped
from harness_saboteurs import FAULTS, sabotage
from harness_scenarios.load import stream as module
from harness_scenarios.load.stream import stream

FAST = {"interval": 0.0, "chunks": 40, "chunk_bytes": 1000}
GONE = {**FAST, "client": "gone"}
SLOW = {"interval": 0.0, "client": "slow"}


class EditedStream(Stream):
    """Sends the eleventh chunk through `edit`, a list of what is sent in its place."""

    sent = 0

    async def send_all(self, data):
        """Send, edited once."""
        self.sent += 1
        for part in self.edit(data) if self.sent == 11 else [data]:
            await self.inner.send_all(part)


def make_edited(edit):
    """Return a wrapping with that edit."""
    return {"server": sabotage(type("Edited", (EditedStream,), {"edit": staticmethod(edit)}))}


@pytest.fixture(autouse=True)
def polled_often(monkeypatch):
    """A generator that stands still is seen sooner."""
    monkeypatch.setattr(module, "_POLL_SECONDS", 0.004)


# --- healthy ---


def test_a_normal_client_gets_every_chunk_on_each_backend(run_roles, backend):
    """In order and unchanged; the generator is finalised before the handler has ended."""
    report = run_roles(stream, FAST, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    assert (report["chunks produced"], report["chunks received"]) == (40, 40)
    assert report["generator finalised"] == "before the handler ended"
    assert report["time per chunk"] > 0


def test_a_slow_client_makes_the_generator_wait_on_each_backend(run_roles, backend):
    """While it does not read, no more is produced than buffers hold; then every chunk arrives."""
    report = run_roles(stream, SLOW, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    assert report["generator waited"] == "yes"
    assert 0 < report["bytes ahead of the client"] <= 64 * 1024 * 1024
    assert report["chunks received"] == 100
    assert "time per chunk" not in report


def test_a_client_that_goes_is_noticed_on_each_backend(run_roles, backend):
    """A send raises before all is produced, and the generator is finalised."""
    report = run_roles(stream, GONE, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    assert report["sending to the client that went"] == "raised"
    assert report["chunks received"] == 4
    assert 4 < report["chunks produced"] < 40
    assert report["chunks produced"] == 4 + report["chunks sent to nobody"] + 1
    assert report["time to notice"] > 0
    assert report["meaning of the send's error"] in ("broken", "closed")
    assert report["generator finalised"] == "before the handler ended"


# --- saboteurs ---


@pytest.mark.parametrize(
    ("edit", "violations"),
    [
        (lambda data: [data[:-1]], {"bytes lost", "chunks"}),
        (lambda data: [], {"bytes lost", "chunks"}),
        (lambda data: [data, data], {"bytes too many", "chunks"}),
        (lambda data: [bytes([data[0] ^ 1]), data[1:]], {"chunks"}),
    ],
    ids=["a lost byte", "a lost chunk", "a chunk twice", "a flipped byte"],
)
def test_a_chunk_that_changes(run_roles, edit, violations):
    """What is lost or too many is counted; everything behind it is at the wrong place."""
    report = run_roles(stream, FAST, wrap=make_edited(edit))
    assert (report.errors, report.violations) == ({}, violations)


def test_swapped_chunks(run_roles):
    """All bytes are there, and not in order."""

    class SwappingStream(Stream):
        held = b""
        sent = 0

        async def send_all(self, data):
            self.sent += 1
            if self.sent == 11:
                self.held = data
                return
            await self.inner.send_all(data)
            if self.sent == 12:
                await self.inner.send_all(self.held)

    report = run_roles(stream, FAST, wrap={"server": sabotage(SwappingStream)})
    assert (report.errors, report.violations) == ({}, {"chunks"})


def test_a_writer_without_backpressure(run_roles):
    """All is accepted at once, so that the generator runs to its end ahead of the client."""
    report = run_roles(stream, SLOW, wrap={"server": FAULTS["send-without-limit"].runtime})
    assert (report.errors, report.violations) == ({}, {"generator waited", "bytes ahead of the client"})
    assert report["chunks received"] == 100


def test_a_client_whose_going_is_not_noticed(run_roles, backend):
    """Sending swallows the error: all is produced for nobody."""

    class DeafStream(Stream):
        async def send_all(self, data):
            try:
                await self.inner.send_all(data)
            except Exception:
                return

    report = run_roles(stream, GONE, wrap={"server": sabotage(DeafStream)}, backend=backend)
    assert (report.errors, report.violations) == ({}, {"sending to the client that went"})
    assert (report["chunks produced"], report["chunks sent to nobody"]) == (40, 36)


def test_a_send_that_raises_although_the_client_is_there(run_roles):
    """It is told apart from a client that went."""

    class BreakingStream(EditedStream):
        def edit(self, data):
            raise BrokenPipeError("planted")

    report = run_roles(stream, FAST, wrap={"server": sabotage(BreakingStream)})
    assert (report.errors, report.violations) == ({}, {"sending", "bytes lost"})
    assert report["generator finalised"] == "before the handler ended"


@pytest.mark.parametrize("row", [FAST, GONE], ids=["normal", "gone"])
def test_a_generator_that_is_not_finalised(run_roles, row):
    """Its finally waits, and the wait fails: what stands behind it never runs."""

    class FailingRuntime(Wrapped):
        async def checkpoint(self):
            raise OSError("planted")

    report = run_roles(stream, row, wrap={"server": FailingRuntime})
    assert "generator finalised" in report.violations
    assert report["generator finalised"] == "never"


def test_a_generator_whose_aclose_returns_too_soon(run_roles, monkeypatch):
    """It is finalised, but by somebody else after its handler has ended."""
    left = []

    class NotClosing:
        def __init__(self, generator):
            left.append(generator)

        async def __aenter__(self):
            return left[-1]

        async def __aexit__(self, *exc):
            return None

    class LateRuntime(Wrapped):
        def open_task_group(self):
            return LateGroup(self.inner.open_task_group())

    class LateGroup(Wrapped):
        async def __aenter__(self):
            return await self.inner.__aenter__()

        async def __aexit__(self, *exc):
            result = await self.inner.__aexit__(*exc)
            await left.pop().aclose()
            return result

    monkeypatch.setattr(module, "aclosing", NotClosing)
    report = run_roles(stream, GONE, wrap={"server": LateRuntime})
    assert (report.errors, report.violations) == ({}, {"generator finalised"})
    assert report["generator finalised"] == "after the handler ended"
