"""How a stream ends when this side closes it: which runtime does what, and every broken contract is seen."""

import pytest

from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import stream_close

SCENARIOS = {scenario.name.removeprefix("stream."): scenario for scenario in stream_close.SCENARIOS}
ALL = ("asyncio", "uvloop", "trio", "curio", "threads")

EXPECTED = {
    "close-wakes-reader": {
        "the end of stream": ("asyncio", "uvloop"),
        "raises closed": ("trio",),
        "never ends": ("curio", "threads"),
    },
    "close-wakes-writer": {
        "waits until the peer reads, then returns": ("asyncio", "uvloop"),
        "raises closed": ("trio",),
        "waits until the peer reads, then never ends": ("curio",),
        "waits until the peer reads, then raises closed": ("threads",),
    },
    "close-flushes": {"every accepted byte arrives, then end of stream": ALL},
    "close-with-unread-bytes": {
        "the reply, then end of stream": ("asyncio", "uvloop"),
        "the reply, then reset": ("trio", "curio", "threads"),
    },
    "send-after-close": {"raises closed": ALL},
    "receive-after-close": {
        "the unread bytes": ("asyncio", "uvloop"),
        "raises closed": ("trio", "curio", "threads"),
    },
    "close-twice": {"returns": ALL},
    "close-after-reset": {"returns": ALL},
}
"""For each question the answers and the runtimes that give them."""

SABOTEURS = [
    ("close-wakes-reader", "own-close-wakes-nobody", "never ends"),
    ("close-wakes-reader", "close-hangs", "the close never ends"),
    ("close-wakes-writer", "own-close-wakes-nobody", "waits until the peer reads, then never ends"),
    ("close-wakes-writer", "own-close-hidden", "returns"),
    ("close-flushes", "close-discards", "every accepted byte arrives, then reset"),
    ("close-flushes", "close-hangs", "the close never ends"),
    ("close-flushes", "close-in-name", "every accepted byte arrives, then stays open"),
    ("close-with-unread-bytes", "close-in-name", "the reply, then stays open"),
    ("send-after-close", "own-close-hidden", "returns"),
    ("send-after-close", "own-close-wakes-nobody", "never ends"),
    ("receive-after-close", "own-close-wakes-nobody", "never ends"),
    ("close-twice", "second-close-hangs", "never ends"),
    ("close-after-reset", "close-hangs", "never ends"),
]


@pytest.mark.parametrize("name", EXPECTED)
def test_each_runtime_answers_as_known(run_roles, backend, name):
    """The known difference appears on the runtimes where it lives and on no other."""
    answers = set(run_roles(SCENARIOS[name], {"repetitions": 1}, backend=backend).values["answer"])
    assert answers == {answer for answer, backends in EXPECTED[name].items() if backend in backends}


@pytest.mark.parametrize(("name", "fault", "answer"), SABOTEURS)
def test_broken_contract_is_seen(run_roles, name, fault, answer):
    """A healthy runtime that breaks one thing gives the forbidden answer."""
    wrap = {"main": FAULTS[fault].runtime}
    report = run_roles(SCENARIOS[name], {"repetitions": 1}, backend="trio", wrap=wrap)
    assert report.values["answer"] == [answer]
    assert report.violations == {"answer"}


def test_discarded_bytes_are_seen(run_roles):
    """A close that drops what the runtime had accepted breaks the contract (trio has accepted next to nothing)."""
    wrap = {"main": FAULTS["close-discards"].runtime}
    report = run_roles(SCENARIOS["close-flushes"], {"repetitions": 1}, backend="asyncio", wrap=wrap)
    assert report.values["answer"] == ["accepted bytes are lost"]
    assert report.violations == {"answer"}
