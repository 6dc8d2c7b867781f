"""How bytes flow through a stream: which runtime does what, and every broken contract is seen."""

import time

import pytest

from harness.testing.fake_clock import FakeClock
from harness.testing.wrapping import Stream
from harness_saboteurs import FAULTS, sabotage
from harness_scenarios.behaviours import stream_flow

SCENARIOS = {scenario.name.removeprefix("stream."): scenario for scenario in stream_flow.SCENARIOS}
ALL = ("asyncio", "uvloop", "trio", "curio", "threads")

EXPECTED = {
    "two-readers": {
        "the second gets an error at once": ("asyncio", "uvloop", "trio", "curio"),
        "both are served": ("threads",),
    },
    "two-writers": {
        "both arrive whole": ("asyncio", "uvloop"),
        "the second gets an error at once: raises busy": ("trio", "curio"),
        "the messages are mixed": ("threads",),
    },
    "silent-peer-stops-sender": {
        "waits after less than 1 MiB": ("trio",),
        "waits after 1 to 16 MiB": ("asyncio", "uvloop", "curio", "threads"),
    },
    "cancelled-send-stops": {
        "all of it is sent after all": ("asyncio", "uvloop"),
        "the send stops": ("trio", "curio", "threads"),
    },
    "empty-send": {"nothing is sent": ALL},
    "small-sends-go-at-once": {
        "sent at once": ("asyncio", "uvloop", "trio"),
        "delayed by 40 ms": ("curio", "threads"),
    },
}
"""For each question the answers and the runtimes that give them."""

SABOTEURS = [
    ("two-readers", "second-reader-displaces", "the first hangs", {"answer"}),
    ("two-readers", "second-reader-hangs", "the second hangs", {"answer"}),
    ("two-readers", "reader-never-woken", "both hang", {"answer"}),
    ("two-writers", "second-writer-hangs", "never ends", {"answer"}),
    (
        "silent-peer-stops-sender",
        "bytes-dropped",
        "never waits",
        {"answer", "bytes accepted before the sender waits"},
    ),
    ("cancelled-send-stops", "bytes-dropped", "the send did not wait", {"answer"}),
    ("empty-send", "empty-send-closes", "the stream is broken", {"answer"}),
    ("empty-send", "empty-send-hangs", "never ends", {"answer"}),
]


@pytest.mark.parametrize("name", EXPECTED)
def test_each_runtime_answers_as_known(run_roles, backend, name):
    """The known difference appears on the runtimes where it lives and on no other."""
    report = run_roles(SCENARIOS[name], {"repetitions": 1}, backend=backend)
    known = {answer for answer, backends in EXPECTED[name].items() if backend in backends}
    if (name, backend) == ("two-writers", "threads"):
        assert set(report.values["answer"]) <= known | {"both arrive whole"}  # if one of them always gets the room
    else:
        assert set(report.values["answer"]) == known
    assert report.violations == set()


@pytest.mark.parametrize(("name", "fault", "answer", "violations"), SABOTEURS)
def test_broken_contract_is_seen(run_roles, name, fault, answer, violations):
    """A healthy runtime that breaks one thing gives the answer of what is broken."""
    wrap = {"main": FAULTS[fault].runtime}
    report = run_roles(SCENARIOS[name], {"repetitions": 1}, backend="trio", wrap=wrap)
    assert report.values["answer"] == [answer]
    assert report.violations == violations


def test_held_send_is_seen(run_roles, monkeypatch):
    """A small send that is held back is worth a look, and no violation."""
    clock = FakeClock(base=time.perf_counter)
    monkeypatch.setattr(stream_flow, "perf_counter", clock.read)

    class HoldsSecondSend(Stream):
        """Holds a small send behind a small send back, as Nagle's algorithm and a delayed acknowledgement do."""

        async def send_all(self, data):
            if self.state == "sent":
                clock.advance(0.041)
            self.state = "open" if self.state == "sent" else "sent"
            await self.inner.send_all(data)

    wrap = {"main": sabotage(HoldsSecondSend)}
    report = run_roles(SCENARIOS["small-sends-go-at-once"], {"repetitions": 1}, backend="trio", wrap=wrap)
    assert (report.values["answer"], report.violations) == (["delayed by 40 ms"], set())
