"""How bytes flow through a stream: which runtime does what, and every broken contract is seen."""

import pytest

from harness_scenarios.behaviours import stream_flow

from . import stream_saboteurs as broken

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
    ("two-readers", broken.DisplacesReader, "the first hangs", {"answer"}),
    ("two-readers", broken.ForgetsSecondReader, "the second hangs", {"answer"}),
    ("two-readers", broken.SleepsAtEveryRead, "both hang", {"answer"}),
    ("two-writers", broken.ForgetsSecondWriter, "never ends", {"answer"}),
    (
        "silent-peer-stops-sender",
        broken.DropsSends,
        "never waits",
        {"answer", "bytes accepted before the sender waits"},
    ),
    ("cancelled-send-stops", broken.DropsSends, "the send did not wait", {"answer"}),
    ("empty-send", broken.ClosesAtEmptySend, "the stream is broken", {"answer"}),
    ("empty-send", broken.SleepsAtEmptySend, "never ends", {"answer"}),
    ("small-sends-go-at-once", broken.HoldsSecondSend, "delayed by 40 ms", set()),
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
    assert report.violations() == set()


@pytest.mark.parametrize(("name", "saboteur", "answer", "violations"), SABOTEURS)
def test_broken_contract_is_seen(run_roles, name, saboteur, answer, violations):
    """A healthy runtime that breaks one thing gives the answer of what is broken."""
    wrap = {"main": broken.with_streams(saboteur)}
    report = run_roles(SCENARIOS[name], {"repetitions": 1}, backend="trio", wrap=wrap)
    assert report.values["answer"] == [answer]
    assert report.violations() == violations
