"""A cell with more facts than can be judged keeps the first ones, and one that counts the others."""

import pytest

from harness.api import info
from harness.compare import compare
from harness.journal import assembly
from harness.journal.assembly import RunAssembly
from harness.model import CellFinished, CellObserved, CellStarted, FindingKind, Observed, Step

from ..compare.run_builder import a_run, cell


def assemble(*facts):
    """Return the run of a cell that recorded these facts."""
    started = a_run(cell("trio"), judges={}).started
    made = RunAssembly(started)
    (planned,) = started.plan.cells
    made.see(CellStarted(cell_id=planned.id, pids={}))
    for fact in facts:
        made.see(CellObserved(cell_id=planned.id, observation=fact))
    made.see(CellFinished(result=cell("trio").result))
    return made.run()


def value(key):
    return Observed(role="main", key=key, value=1, at=0.0)


def step(actor):
    return Step(role="main", actor=actor, what="go", at=0.0)


@pytest.mark.parametrize("make", [value, step])
def test_too_many_names(monkeypatch, make):
    """Facts of the first keys, or actors, are kept, also later ones."""
    monkeypatch.setattr(assembly, "MOST_KEYS", 2)
    facts = [make(name) for name in ("a", "b", "c", "a", "d")]
    (record,) = assemble(*facts).records
    assert record.observations[:-1] == (facts[0], facts[1], facts[3])
    assert record.observations[-1].value == 2
    assert "2 facts beyond 2 keys" in record.observations[-1].key


def test_too_many_facts(monkeypatch):
    """The cell is to blame: what is left out is a finding about it."""
    monkeypatch.setattr(assembly, "MOST_FACTS", 2)
    run = assemble(*map(value, "aaaa"))
    assert len(run.records[0].observations) == 3
    judged = a_run(run.records[0], judges={"a": info()})
    assert [finding.kind for finding in compare(judged).unexpected] == [FindingKind.SUSPECT_SCENARIO]
