"""Look at what was seen, plan more: which portions a run has, and what is decided between them."""

from pathlib import Path

import msgspec
import pytest
from catalogue import catalogue, scenario

from harness.api import Parameter, grid
from harness.host.signals import follow_all
from harness.journal import RunAssembly, read_events, read_run
from harness.model import (
    TRIAL_ROUND,
    CellFinished,
    CellObserved,
    CellResult,
    CellStarted,
    Observed,
    Outcome,
    Plan,
    Request,
    RunCalibrated,
    RunExtended,
    RunResumed,
)
from harness.plan import make_plan
from harness.plugins import Plugins
from harness.session import phases, stress
from harness.session.header import make_header
from harness.session.phases import make_phases, make_remaining_phases, plan_portions
from harness.session.recorder import Recorder
from harness.session.run_so_far import RunSoFar

ITEMS = Parameter(name="items", default=100, summary="how many", at_least=1)


def measuring():
    """Return a catalogue with a scenario whose amount of work can be chosen, and one about behaviour."""
    measured = msgspec.structs.replace(
        scenario("pipe", parameters=(ITEMS,), rows={"quick": grid(items=(100,))}), work="items"
    )
    asked = msgspec.structs.replace(scenario("ask"), headline="lost", side_by_side=True)
    return msgspec.structs.replace(catalogue(), scenarios={"pipe": measured, "ask": asked})


class Run:
    """A run whose cells are made up: a value of `pipe` takes `seconds`."""

    def __init__(self, catalogue=None, seconds=0.002, outcome=Outcome.COMPLETED, **request):
        self.request = Request(preset="quick", **request)
        self.catalogue = catalogue or measuring()
        self.plan = make_plan(self.request, self.catalogue)
        self.so_far = RunSoFar(self.request)
        self.decided = []
        self.portions = []
        self._seconds = seconds
        self._outcome = outcome
        self.so_far.see(make_header("r1", "2026-01-01T00:00:00+00:00", self.request, self.plan, self.catalogue, {}))

    def publish(self, event):
        """Record a decision."""
        self.decided.append(event)
        self.so_far.see(event)

    def go(self, made=None):
        """Run the phases to their end and return the portions."""
        made = make_phases(self.request, self.catalogue, self.plan) if made is None else made
        for portion in plan_portions(made, self.so_far, self.publish):
            self.portions.append(portion)
            assert len(self.portions) < 50, "it does not end"
            for cell in portion.cells:
                for event in events_of(cell, self._seconds, self._outcome):
                    self.so_far.see(event)
        return self.portions


def events_of(cell, seconds=0.002, outcome=Outcome.COMPLETED):
    """Yield what a cell shows; its observations are `seconds` apart."""
    yield CellStarted(cell_id=cell.id, pids={"main": 1})
    for number in range(1, 4):
        fact = Observed(role="main", key="speed", value=float(number), at=number * seconds)
        yield CellObserved(cell_id=cell.id, observation=fact)
    yield CellFinished(result=CellResult(cell_id=cell.id, outcome=outcome, seconds=1.0))


def rounds_of(portion):
    """Return the rounds of a portion."""
    return sorted({cell.round for cell in portion.cells})


# --- what was asked for ---


def test_a_plan_without_a_trial_is_one_portion():
    """As it is, and nothing is decided."""
    run = Run(rounds=2)
    assert run.go() == [run.plan]
    assert run.decided == []


def test_the_trial_round_comes_first_and_decides_the_work_of_the_others():
    """What a value took in it, is in the run before the others are planned."""
    run = Run(rounds=6, scenarios=("pipe",))
    trial, others = run.go()
    assert (rounds_of(trial), rounds_of(others)) == ([TRIAL_ROUND], [1, 2, 3, 4, 5, 6])
    (decided,) = run.decided
    assert isinstance(decided, RunCalibrated)
    assert [work.amount for work in decided.rows] == [1000]
    assert {cell.work for cell in trial.cells} == {None}
    assert {(cell.work[0], abs(cell.work[1] - 1000) <= 200) for cell in others.cells} == {("items", True)}
    assert others.skipped == ()


def test_where_every_trial_fails_the_work_stays_as_it_is():
    """Nothing is known, so nothing is decided."""
    run = Run(rounds=6, scenarios=("pipe",), outcome=Outcome.HUNG)
    _, others = run.go()
    assert run.decided == []
    assert {cell.work for cell in others.cells} == {None}


# --- as long as the user wants ---


def test_behaviour_is_repeated_until_the_time_is_over(monkeypatch):
    """One more round at a time, of the scenarios that measure nothing; each is a part of the run."""
    times = iter((0.0, 1.0, 2.0, 10.0))
    monkeypatch.setattr(stress.time, "monotonic", lambda: next(times))
    run = Run(stress_duration=10.0)
    first, second, third = run.go()
    assert first == run.plan
    assert [rounds_of(portion) for portion in (second, third)] == [[2], [3]]
    assert {cell.scenario for portion in (second, third) for cell in portion.cells} == {"ask"}
    assert [type(event) for event in run.decided] == [RunExtended, RunExtended]
    assert run.decided[0].cells == second.cells
    planned = {cell.id for cell in run.so_far.run.started.plan.cells}
    assert {cell.id for portion in run.portions for cell in portion.cells} == planned


def test_a_run_that_is_stopped_plans_nothing_more(monkeypatch):
    """Neither for stress nor for intervals."""
    monkeypatch.setattr(stress.time, "monotonic", lambda: 0.0)
    run = Run(stress_duration=10.0, budget=1000.0, max_hangs=1, outcome=Outcome.HUNG)
    assert run.go() == [run.plan]
    assert run.so_far.stopped == "stopped after 1 hang (--max-hangs)"
    assert run.decided == []


# --- as far as the time goes ---


class Offers:
    """A budget that offers these rounds, one after the other."""

    def __init__(self, *numbers):
        self._offers = [*numbers]
        self.runs = []

    def choose_rounds(self, run, comparison):
        """Return the next offer for every row of the comparison."""
        self.runs.append(run)
        return dict.fromkeys((row.row for row in comparison.rows), self._offers.pop(0)) if self._offers else {}


def test_a_budget_buys_rounds_with_the_work_that_suits_them(monkeypatch):
    """It sees the run with everything before, and is asked until it offers nothing."""
    offers = Offers(range(2, 4), range(4, 5))
    monkeypatch.setattr(phases, "Budget", lambda _seconds: offers)
    run = Run(budget=100.0, scenarios=("pipe",))
    first, second, third = run.go()
    assert [rounds_of(portion) for portion in (first, second, third)] == [[1], [2, 3], [4]]
    assert [type(event) for event in run.decided] == [RunCalibrated, RunExtended, RunExtended]
    assert {cell.work for cell in first.cells} == {None}
    assert all(cell.work is not None for portion in (second, third) for cell in portion.cells)
    finished = [sum(record.result.outcome is Outcome.COMPLETED for record in seen.records) for seen in offers.runs]
    assert finished == [2, 6, 8]
    assert all(seen.works for seen in offers.runs)


def test_a_budget_that_has_no_time_buys_nothing():
    """The real one, at once."""
    run = Run(budget=0.0, scenarios=("pipe",))
    assert run.go() == [run.plan]


# --- a run that is resumed ---


def test_what_is_left_over_is_run_and_nothing_more_is_planned(monkeypatch):
    """Also where time was given."""
    monkeypatch.setattr(stress.time, "monotonic", lambda: 0.0)
    run = Run(rounds=6, stress_duration=10.0, budget=1000.0, scenarios=("pipe",))
    left = Plan(cells=run.plan.cells[-3:], seed=0)
    (portion,) = run.go(make_remaining_phases(run.request, run.catalogue, left))
    assert portion == left
    assert run.decided == []


# --- what phases look at ---


def execute(portion):
    """Run the cells of a portion that the rules let run."""
    for cell in portion.cells:
        yield from events_of(cell)


def record(folder):
    """Run with a recorder and return the run so far."""
    run = Run(rounds=6)
    so_far = RunSoFar(run.request)
    with Recorder(folder, Plugins([]), so_far) as recorder:
        recorder.publish(make_header("r1", "2026-01-01T00:00:00+00:00", run.request, run.plan, run.catalogue, {}))
        portions = plan_portions(make_phases(run.request, run.catalogue, run.plan), so_far, recorder.publish)
        assert follow_all(map(execute, portions), recorder.publish) is False
    return so_far


@pytest.fixture
def recorded(tmp_path):
    """Return a run so far that has ended, and the folder of its journal."""
    return record(tmp_path), tmp_path


def test_the_run_in_memory_is_the_run_on_disk(recorded):
    """With its decisions, observations, works and times."""
    so_far, folder = recorded
    stored = read_run(folder)
    assert stored.works != ()
    assert stored.complete
    assert msgspec.structs.replace(so_far.run, complete=True, note="") == stored


def test_no_phase_reads_the_journal(tmp_path, monkeypatch):
    """Portions are planned from memory: nothing reads a file."""
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} was read"))
    so_far = record(tmp_path)
    assert so_far.run.works != ()
    assert {record.result.outcome for record in so_far.run.records} == {Outcome.COMPLETED}


def test_a_resumed_run_begins_with_what_its_journal_has(recorded):
    """Its rules know which backends hung, and its times continue."""
    so_far, folder = recorded
    again = RunSoFar(so_far.run.started.request, read_events(folder))
    assert (again.is_resumed, so_far.is_resumed) == (True, False)
    assert again.run.records == so_far.run.records
    assert again.last == so_far.last
    again.see(RunResumed(resumed_at="", cells=0))
    assert again.run.records == so_far.run.records


def test_the_rules_of_a_resumed_run_remember_hangs():
    """Three of one backend in one scenario; but not what stopped the run."""
    run = Run(rounds=4, max_hangs=3, scenarios=("ask",), backends=("alpha",))
    events = [make_header("r1", "", run.request, run.plan, run.catalogue, {})]
    for cell in run.plan.cells[:3]:
        events += events_of(cell, outcome=Outcome.HUNG)
    again = RunSoFar(run.request, events)
    assert again.stopped == ""
    assert again.skip_reason(run.plan.cells[3]).startswith("hangs 3/3")


def test_a_run_begins_with_its_header():
    """Anything else is our own fault."""
    with pytest.raises(ValueError, match="begins with its header, not with RunExtended"):
        RunSoFar(Request()).see(RunExtended(cells=()))
    assert RunSoFar(Request()).last is None


def test_a_cell_that_has_no_result_says_how_far_it_came():
    """Before or after its start; and whether the user interrupted the run."""
    run = Run(scenarios=("pipe",))
    one, other = run.plan.cells
    assembly = RunAssembly(make_header("r1", "", run.request, run.plan, run.catalogue, {}))
    assembly.see(CellStarted(cell_id=one.id, pids={}))
    reasons = {record.cell.id: record.result.reason for record in assembly.run().records}
    assert reasons == {
        one.id: "the journal ends before the end of this cell",
        other.id: "the journal ends before this cell",
    }
