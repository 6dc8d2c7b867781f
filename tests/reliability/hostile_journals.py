"""Journals that are almost right: each has the structure of one, and some values of another kind or size."""

import json

import msgspec

from harness.journal import JOURNAL_NAME, JournalWriter
from harness.model import (
    CellFinished,
    CellObserved,
    CellRetried,
    CellStarted,
    Disturbance,
    Expectation,
    Moment,
    Outcome,
    RowWork,
    RunCalibrated,
    RunExtended,
    RunResumed,
)

from ..unit.reports.sample_runs import everything

NUMBERS = (0, -1, 1, 2**31, 2**63, -(2**63), 10**30, 1e308, -1e308, 5e-324, 0.5, 1e16)
TEXTS = (
    "",
    " ",
    "x" * 5000,
    "\x1b[31m\x07",
    "\ud800",
    "../../x",
    "/dev/zero",
    "[",
    "*",
    "a\nb|c`d",
    "<script>",
    "=1+1",
)
KINDS = (
    "nan",
    "1e999",
    "2026-13-45",
    "trio@x",
    "trio:a=b",
    "==1",
    "not run",
    "completed",
    "main",
    "response p90",
    "trace",
)
ANYTHING = (None, True, False, [], {}, [[]], [None], {"": None}, *NUMBERS, *TEXTS, *KINDS)


def write_base(folder):
    """Write the journal of a run with something of everything: it was extended, calibrated, resumed and disturbed."""
    run = everything()
    moments = iter(range(10_000))
    with JournalWriter(folder / JOURNAL_NAME) as journal:

        def write(event):
            at = next(moments)
            journal.write(_with(event, when=Moment(wall=1.7e9 + at, elapsed=float(at))))

        started = _with(run.started, expectations=(Expectation(scenario="*", backends=("trio",), reason="known"),))
        write(started)
        for record in run.records:
            write(CellStarted(cell_id=record.cell.id, pids={"main": 1}))
            for observation in record.observations:
                write(CellObserved(cell_id=record.cell.id, observation=observation))
            result = _with(record.result, disturbed=(Disturbance(wall=1.0, run_delay=0.5),))
            if result.outcome is Outcome.HUNG:
                write(CellRetried(result=result, attempt=1))
            write(CellFinished(result=result))
        more = tuple(_with(record.cell, round=2) for record in run.records[:2])
        write(RunExtended(cells=more))
        write(RunCalibrated(rows=(RowWork(row=more[0].row, parameter="rate", amount=30, seconds={"trio": 1.0}),)))
        write(journal.make_footer(interrupted=True))
        write(RunResumed(resumed_at="2026-01-01T00:00:00Z", cells=2))
        for cell in more:
            write(CellFinished(result=_with(run.records[0].result, cell_id=cell.id)))
        write(journal.make_footer(interrupted=False))


def _with(struct, **fields):
    return msgspec.structs.replace(struct, **fields)


def hostile_lines(base, random):
    """Return the lines of a journal in which one to four values, keys or lines are others, chosen by a `Random`."""
    events = [json.loads(line) for line in base]
    for _ in range(random.randint(1, 4)):
        number = random.randrange(len(events))
        match random.randrange(10):
            case 0:
                events.insert(random.randrange(len(events)), events[number])
            case 1 if len(events) > 2:
                del events[number]
            case _:
                _change(random, events[number])
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def _change(random, node):
    """Walk to a place within an event and put something else there."""
    while True:
        key = random.choice(list(node) if isinstance(node, dict) else range(len(node)))
        inner = node[key]
        if not (isinstance(inner, dict | list) and inner and random.randrange(8)):
            break
        node = inner
    match random.randrange(10):
        case 0:
            del node[key]
        case 1 if isinstance(node, list):
            node.append(inner)
        case 2:
            node[key] = random.choice(ANYTHING)
        case _:  # of the same kind, so that the decoder takes it
            node[key] = random.choice(_alike(inner))


def _alike(value):
    match value:
        case bool():
            return (True, False)
        case int() | float():
            return NUMBERS
        case str():
            return (*TEXTS, *KINDS)
        case list():
            return ([], value * 3, value[::-1])
        case _:
            return ({}, None)
