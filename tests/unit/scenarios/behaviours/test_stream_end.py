"""How a stream ends when the peer ends it: which runtime says what, and every broken contract is seen."""

from __future__ import annotations

import pytest

from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import stream_end

SCENARIOS = {scenario.name.removeprefix("stream."): scenario for scenario in stream_end.SCENARIOS}
ALL = ("asyncio", "uvloop", "trio", "curio", "threads")

EXPECTED = {
    "peer-eof-keeps-writing": {"the reply arrives": ALL},
    "send-eof-keeps-reading": {"the reply arrives": ALL},
    "send-after-send-eof": {"raises closed": ("asyncio", "uvloop", "trio"), "raises broken": ("curio", "threads")},
    "eof-twice": {"the end each time": ALL},
    "bytes-before-reset": {
        "the bytes are lost": ("asyncio", "uvloop"),
        "the bytes, then an error": ("trio", "curio", "threads"),
    },
    "reset-while-reading": {"raises broken": ALL},
    "reset-while-writing": {"raises broken": ALL},
    "send-after-reset": {"raises broken": ALL},
    "connect-refused": {"raises refused": ALL},
}
"""For each question the answers and the runtimes that give them."""

UVLOOP_SAYS = {"raises broken", "raises closed"}
"""uvloop's error of a send after a reset carries an errno or not, depending on what it noticed first."""

SABOTEURS = [
    ("peer-eof-keeps-writing", "bytes-dropped", "the reply is lost"),
    ("peer-eof-keeps-writing", "end-closes-both-ways", "the reply raises closed"),
    ("peer-eof-keeps-writing", "bytes-after-end", "the end is not seen: returns"),
    ("send-eof-keeps-reading", "half-close-kept", "the peer sees 7 bytes, then stays open"),
    ("send-eof-keeps-reading", "half-close-resets", "the peer sees 7 bytes, then reset"),
    ("send-eof-keeps-reading", "half-close-closes", "reading the reply raises closed"),
    ("send-eof-keeps-reading", "end-overtakes-bytes", "the reply is lost"),
    ("send-after-send-eof", "send-after-half-close", "returns, and the bytes are lost"),
    ("send-after-send-eof", "half-close-kept", "the bytes arrive"),
    ("eof-twice", "second-end-hangs", "never ends"),
    ("eof-twice", "second-end-raises", "raises closed"),
    ("eof-twice", "bytes-after-end", "bytes after the end"),
    ("eof-twice", "end-overtakes-bytes", "the bytes before the end are lost"),
    ("bytes-before-reset", "reset-drops-bytes", "the bytes are lost"),
    ("bytes-before-reset", "reset-hidden", "the bytes, then the end of stream"),
    ("bytes-before-reset", "reset-wakes-nobody", "never ends"),
    ("reset-while-reading", "reset-hidden", "the end of stream"),
    ("reset-while-reading", "reset-wakes-nobody", "never ends"),
    ("reset-while-reading", "reset-blames-nobody", "raises other"),
    ("reset-while-writing", "reset-hidden", "returns"),
    ("reset-while-writing", "reset-wakes-nobody", "never ends"),
    ("reset-while-writing", "reset-blames-nobody", "raises other"),
    ("reset-while-writing", "bytes-dropped", "returned before the peer had read"),
    ("send-after-reset", "reset-hidden", "each send returns"),
    ("send-after-reset", "reset-wakes-nobody", "never ends"),
    ("connect-refused", "refusal-hidden", "raises timed out"),
    ("connect-refused", "refusal-wakes-nobody", "never ends"),
]


@pytest.mark.parametrize("name", EXPECTED)
def test_each_runtime_answers_as_known(run_roles, backend, name):
    """The known difference appears on the runtimes where it lives and on no other."""
    answers = set(run_roles(SCENARIOS[name], {"repetitions": 2}, backend=backend).values["answer"])
    known = {answer for answer, backends in EXPECTED[name].items() if backend in backends}
    if (name, backend) == ("send-after-reset", "uvloop"):
        assert answers <= UVLOOP_SAYS
    else:
        assert answers == known


@pytest.mark.parametrize(("name", "fault", "answer"), SABOTEURS)
def test_broken_contract_is_seen(run_roles, name, fault, answer):
    """A healthy runtime that breaks one thing gives the forbidden answer."""
    wrap = {"main": FAULTS[fault].runtime}
    report = run_roles(SCENARIOS[name], {"repetitions": 1}, backend="trio", wrap=wrap)
    assert report.values["answer"] == [answer]
    assert report.violations == {"answer"}
