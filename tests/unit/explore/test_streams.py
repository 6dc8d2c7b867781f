"""Programs on a pair of streams: healthy runtimes keep the ledger, and what breaks it is found."""

import importlib

import pytest
from runtimes import BACKENDS

from harness.explore.clauses import Clause
from harness.explore.families import FAMILIES
from harness.explore.generate import Generator
from harness.explore.program import Operation, Program, Resource
from harness.explore.stock import UNIT, StockRuns
from harness.explore.streams import Way
from harness.explore.trial import Trial
from harness.plugins import Plugins

GRAMMAR = FAMILIES["stream"]
NEAR, FAR = 2, 1
"""Amounts that stand for the two ends of the pair."""
SEND_AND_END = Program(
    (Resource("stream", 1),),
    (
        (Operation("send-bytes", 0, NEAR), Operation("end-stream", 0, NEAR)),
        (Operation("receive-bytes", 0, FAR),) * 3,
    ),
)
READER_AND_HALF_CLOSE = Program(
    (Resource("stream", 1),),
    (
        (Operation("receive-bytes", 0, FAR),),
        (Operation("checkpoint", 0, 3), Operation("end-stream", 0, FAR)),
        (Operation("sleep", 0, 3), Operation("send-bytes", 0, NEAR)),
    ),
)


def make_trial(backend, **options):
    module, _, name = Plugins().catalogue().backend(backend).runner.partition(":")
    return Trial(GRAMMAR, StockRuns(getattr(importlib.import_module(module), name)(options)), UNIT)


@pytest.mark.parametrize("backend", BACKENDS)
def test_healthy_runtimes_show_nothing(backend):
    """In a few generated programs, and in one whose result is known: 300 bytes in two parts, then the end."""
    trial, generator = make_trial(backend), Generator(GRAMMAR)
    results = [trial.run(generator.make(7, number), "native 0") for number in range(4)]
    assert [(result.clause, result.detail) for result in results] == [(None, "")] * 4
    assert trial.run(SEND_AND_END, "native 0").state == "sent bytes, ended / bytes, bytes, the end"


def test_a_reader_that_a_half_close_forgets():
    """Which only a program with both at the same end shows."""
    assert make_trial("trio").run(READER_AND_HALF_CLOSE, "native 0").clause is None
    result = make_trial("saboteur-trio", fault="half-close-forgets-reader").run(READER_AND_HALF_CLOSE, "native 0")
    assert result.clause is Clause.LOST_WAKE_UP, result.detail


def sent(count):
    way = Way("a way", 0)
    way.make_bytes(count)
    way.started = way.sent = count
    return way


@pytest.mark.parametrize(
    ("data", "clause"),
    [
        (bytes([0, 1, 2]), None),
        (bytes([1, 2]), Clause.ITEM_ORDER),
        (bytes([0, 1, 2, 3, 4, 5]), Clause.ITEM_INVENTED),
        (b"", Clause.END_MISSED),
    ],
)
def test_what_arrives_is_compared_with_what_was_sent(data, clause):
    """Five bytes were: in order, none more, and the end behind them."""
    found = sent(5).find_wrong(data)
    assert (found and found[0]) == clause


def test_who_waits_for_nothing_is_accused():
    """A sender always; a receiver if there are bytes, or the end."""
    way = sent(5)
    assert way.find_breach("send")[0] is Clause.LOST_WAKE_UP
    assert way.find_breach("receive")[0] is Clause.LOST_WAKE_UP
    way.find_wrong(bytes(range(5)))
    assert way.find_breach("receive") is None
    way.may_end = way.has_end = True
    assert way.find_breach("receive")[0] is Clause.END_MISSED
    assert way.find_wrong(b"") is None
