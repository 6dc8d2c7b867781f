"""How a stream ends when the peer ends it: which runtime says what, and every broken contract is seen."""

from __future__ import annotations

import errno

import pytest

from harness_scenarios.behaviours import stream_end

from . import stream_saboteurs as broken

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
    ("peer-eof-keeps-writing", broken.DropsSends, "the reply is lost"),
    ("peer-eof-keeps-writing", broken.ClosesAtEnd, "the reply raises closed"),
    ("peer-eof-keeps-writing", broken.ReadsGhosts, "the end is not seen: returns"),
    ("send-eof-keeps-reading", broken.KeepsEnd, "the peer sees 7 bytes, then stays open"),
    ("send-eof-keeps-reading", broken.ResetsForEnd, "the peer sees 7 bytes, then reset"),
    ("send-eof-keeps-reading", broken.ClosesForEnd, "reading the reply raises closed"),
    ("send-eof-keeps-reading", broken.LosesLastBytes, "the reply is lost"),
    ("send-after-send-eof", broken.AcceptsAfterEnd, "returns, and the bytes are lost"),
    ("send-after-send-eof", broken.KeepsEnd, "the bytes arrive"),
    ("eof-twice", broken.SleepsAtSecondEnd, "never ends"),
    ("eof-twice", broken.RaisesAtSecondEnd, "raises closed"),
    ("eof-twice", broken.ReadsGhosts, "bytes after the end"),
    ("eof-twice", broken.LosesLastBytes, "the bytes before the end are lost"),
    ("bytes-before-reset", broken.DropsBytesBeforeReset, "the bytes are lost"),
    ("bytes-before-reset", broken.HidesReset, "the bytes, then the end of stream"),
    ("bytes-before-reset", broken.SleepsAtReset, "never ends"),
    ("reset-while-reading", broken.HidesReset, "the end of stream"),
    ("reset-while-reading", broken.SleepsAtReset, "never ends"),
    ("reset-while-reading", broken.BlamesNobody, "raises other"),
    ("reset-while-writing", broken.HidesReset, "returns"),
    ("reset-while-writing", broken.SleepsAtReset, "never ends"),
    ("reset-while-writing", broken.BlamesNobody, "raises other"),
    ("reset-while-writing", broken.DropsSends, "returned before the peer had read"),
    ("send-after-reset", broken.HidesReset, "each send returns"),
    ("send-after-reset", broken.SleepsAtReset, "never ends"),
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


@pytest.mark.parametrize(("name", "saboteur", "answer"), SABOTEURS)
def test_broken_contract_is_seen(run_roles, name, saboteur, answer):
    """A healthy runtime that breaks one thing gives the forbidden answer."""
    wrap = {"main": broken.with_streams(saboteur)}
    report = run_roles(SCENARIOS[name], {"repetitions": 1}, backend="trio", wrap=wrap)
    assert report.values["answer"] == [answer]
    assert report.violations() == {"answer"}


class _Connects(broken.Wrapped):
    """A runtime that answers a connect with what a subclass does."""


class HidesRefusal(_Connects):
    """A refused connect looks like a time-out."""

    async def connect(self, *address):
        try:
            return await self.inner.connect(*address)
        except OSError:
            raise TimeoutError(errno.ETIMEDOUT, "timed out") from None


class NeverConnects(_Connects):
    """A refused connect waits for ever."""

    async def connect(self, *address):
        try:
            return await self.inner.connect(*address)
        except OSError:
            await self.inner.create_event().wait()


@pytest.mark.parametrize(("saboteur", "answer"), [(HidesRefusal, "raises timed out"), (NeverConnects, "never ends")])
def test_hidden_refusal_is_seen(run_roles, saboteur, answer):
    """A connect that does not say that it was refused breaks the contract."""
    report = run_roles(SCENARIOS["connect-refused"], {"repetitions": 1}, backend="trio", wrap={"main": saboteur})
    assert report.values["answer"] == [answer]
    assert report.violations() == {"answer"}
