"""How much work a row does, and who decides it."""

import msgspec
import pytest
from catalogue import catalogue, scenario

from harness.api import Parameter, grid, metric
from harness.compare import compare
from harness.journal import JOURNAL_NAME, JournalWriter, read_run
from harness.model import CellFinished, Observed, Outcome, Request, RowId, RowWork, RunCalibrated, make_command
from harness.plan import assign_work, find_scalable, make_plan, plan_rounds
from harness.session.calibration import calibrate, choose_amounts, measure_value

from ..compare.run_builder import a_run, cell

JUDGES = {"took": metric("ns")}
SCALE = Parameter(name="items", default=100, summary="how many", at_least=1)
ROW = RowId("drain", ())
ARMS = ("asyncio", "trio")


def values(*times):
    """Return observations of the headline at these times."""
    return [Observed(role="main", key="took", value=5.0, at=at) for at in times]


def trial(backend, value, **more):
    """Return the cell of an arm before the first round: three values of so many seconds."""
    return cell(backend, Outcome.COMPLETED, *values(1.0, 1.0 + value, 1.0 + 2 * value), round=0, **more)


def calibrated(*records, scale=SCALE):
    """Return the work of the only row of a run that has had its trial."""
    (work,) = calibrate(a_run(*records, judges=JUDGES, headline="took"), {"drain": scale})
    return work


@pytest.mark.parametrize(
    ("took", "expected"),
    [
        ((0.02, 1.0), (100, 100)),
        ((0.03, 0.05), (100, 100)),
        ((0.002, 0.05), (1000, 1000)),
        ((0.1, 2.0), (50, 50)),
        ((0.01, 0.5), (200, 200)),
        ((0.002, 0.4), (1000, 100)),
        ((0.05, 4.0), (100, 25)),
    ],
)
def test_the_amount_that_suits_the_fastest_and_the_slowest(took, expected):
    """As it is if that is right, more for a fast one, less for a slow one, for each its own if they are far apart."""
    assert tuple(choose_amounts(100, dict(zip(ARMS, took, strict=True))).values()) == expected


def test_a_value_takes_what_lies_between_two_observations_of_it():
    """The least of these, because a disturbance only adds; a single one takes the time until then."""
    assert measure_value(cell("trio", Outcome.COMPLETED, *values(1.0, 1.5, 1.75)), "took") == 0.25
    assert measure_value(cell("trio", Outcome.COMPLETED, *values(1.5)), "took") == 1.5
    assert measure_value(cell("trio"), "took") == 0


def test_a_row_gets_its_amount_from_what_was_observed():
    """Also where its own amount is not the default; a cell takes its time, and four values that are so much longer."""
    work = calibrated(trial("asyncio", 0.002), trial("trio", 0.004))
    assert (work.row, work.parameter, work.amount, work.own) == (ROW, "items", 1000, {})
    assert work.seconds == pytest.approx({"asyncio": 1.5 + 4 * 0.018, "trio": 1.5 + 4 * 0.036})
    assert calibrated(trial("asyncio", 0.01, parameters={"items": 7})).amount == 14


def test_an_amount_stays_within_what_the_scenario_allows():
    """Its bounds are those of its parameter."""
    assert calibrated(trial("trio", 0.001), scale=msgspec.structs.replace(SCALE, at_most=300)).amount == 300
    assert calibrated(trial("trio", 9.0), scale=msgspec.structs.replace(SCALE, at_least=80)).amount == 80


def test_who_fails_has_no_say():
    """And does as much as the others; a row in which everybody fails stays as it is."""
    hung = cell("trio", Outcome.HUNG, *values(1.0, 3.0), round=0)
    work = calibrated(trial("asyncio", 0.002), hung)
    assert work.assign(cell("trio").cell, 0).work == work.assign(cell("asyncio").cell, 0).work
    assert calibrate(a_run(hung, judges=JUDGES, headline="took"), {"drain": SCALE}) == ()


def test_nothing_is_decided_twice_or_for_others():
    """Rows that have their amount keep it; scenarios without a scale have none."""
    run = a_run(trial("trio", 0.002), judges=JUDGES, headline="took")
    known = RowWork(row=ROW, parameter="items", amount=5)
    assert calibrate(msgspec.structs.replace(run, works=(known,)), {"drain": SCALE}) == ()
    assert calibrate(run, {"flow": SCALE}) == ()


# --- from round to round ---


@pytest.mark.parametrize("amount", [1, 5, 10, 1000])
def test_the_amount_differs_by_a_tenth_at_most(amount):
    """And differs, if a tenth is something; the same seed gives the same amounts, another seed others."""
    work = RowWork(row=ROW, parameter="items", amount=amount)

    def drawn(seed):
        return [work.assign(cell("trio", round=number).cell, seed).work[1] for number in range(1, 41)]

    assert all(abs(found - amount) <= amount / 10 for found in drawn(0))
    assert (len(set(drawn(0))) > 1) == (amount >= 10)
    assert drawn(0) == drawn(0)
    assert (drawn(0) != drawn(1)) == (amount >= 10)


def test_all_arms_of_a_round_do_the_same():
    """The same amount, or the same share of their own ones, also the reference for the second time."""
    work = RowWork(row=ROW, parameter="items", amount=1000)
    apart = msgspec.structs.replace(work, own={"asyncio": 1000, "trio": 100_000})
    for number in range(1, 20):
        one, other = (cell(backend, round=number).cell for backend in ARMS)
        again = msgspec.structs.replace(one, alias=True)
        assert len({work.assign(arm, 0).work for arm in (one, other, again)}) == 1
        fast, slow = (apart.assign(arm, 0).work[1] for arm in (other, one))
        assert fast == pytest.approx(100 * slow, rel=0.01)


def test_a_cell_may_take_ten_times_as_long_as_expected():
    """At least five seconds, never more than it may anyway; before they are over it is seen whether it hangs."""
    found = {}
    for seconds in (0.1, 0.7, 100.0):
        assigned = RowWork(row=ROW, parameter="items", amount=1, seconds={"trio": seconds}).assign(cell("trio").cell, 0)
        found[seconds] = (assigned.timeout, assigned.hang_after)
    assert found == {0.1: (5.0, 2.5), 0.7: (7.0, 3.5), 100.0: (60.0, 10.0)}


def test_a_time_out_that_the_user_said_stays():
    """Whatever is expected."""
    run = a_run(trial("trio", 0.03), judges=JUDGES, headline="took")
    said = msgspec.structs.replace(run.started, request=Request(timeout=30.0))
    (work,) = calibrate(msgspec.structs.replace(run, started=said), {"drain": SCALE})
    assert work.assign(cell("trio").cell, 0).timeout == 60.0


def test_an_amount_makes_no_other_cell():
    """Its id and row stay; its worker and the command that shows a finding again have it instead of the row's."""
    before = cell("trio", parameters={"items": 7, "mode": "rate"}).cell
    after = msgspec.structs.replace(before, work=("items", 1000))
    assert (after.id, after.row, after.slug) == (before.id, before.row, before.slug)
    assert after.assigned == {"items": 1000, "mode": "rate"}
    assert make_command(after, Request(), 0).endswith("--scenario drain --param items=1000 --param mode=rate")


# --- the plan ---


def scalable():
    """Return a catalogue with a scenario whose amount of work can be chosen."""
    pumps = msgspec.structs.replace(
        scenario("pump", parameters=(SCALE,), rows={"quick": grid(items=(7,))}, requires=()), work="items"
    )
    return msgspec.structs.replace(catalogue(), scenarios=catalogue().scenarios | {"pump": pumps})


@pytest.mark.parametrize(
    ("request_", "rounds"),
    [
        (Request(scenarios=("pump",), rounds=6), {0: 2, 1: 3, 6: 3}),
        (Request(scenarios=("pump",), rounds=5), {1: 2, 5: 2}),
        (Request(scenarios=("pump",), budget=60.0), {1: 2}),
        (Request(scenarios=("pump",), rounds=6, parameters=(("items", "9"),)), {1: 3, 6: 3}),
        (Request(scenarios=("guard",), rounds=6), {1: 1, 6: 1}),
    ],
)
def test_a_trial_comes_before_several_rounds(request_, rounds):
    """One cell of each arm, not of the alias; not where the user says the amount, nor where there is none to choose."""
    cells = make_plan(request_, scalable()).cells
    first, last = min(cell.round for cell in cells), max(cell.round for cell in cells)
    assert (first, last) == (min(rounds), max(rounds))
    assert {number: sum(cell.round == number for cell in cells) for number in rounds} == rounds


def test_what_can_be_scaled():
    """By scenario; a scenario in which everything is broken on purpose measures nothing."""
    assert find_scalable(Request(), scalable()) == {"pump": SCALE}
    assert find_scalable(Request(parameters=(("items", "9"),)), scalable()) == {}


def test_rounds_that_are_planned_later_have_the_same_work():
    """As if they had been planned with the others."""
    request = Request(scenarios=("pump",), rounds=8, seed=3)
    plan = make_plan(request, scalable())
    work = RowWork(row=plan.cells[0].row, parameter="items", amount=1000)
    at_once = {cell.id: cell.work for cell in assign_work(plan, [work]).cells if cell.round in (7, 8)}
    later = plan_rounds(request, scalable(), {work.row: range(7, 9)}, [work])
    assert {cell.id: cell.work for cell in later.cells} == at_once
    assert len(set(at_once.values())) == 2


# --- the journal and the comparison ---


def test_what_is_read_back_has_the_work_that_was_written(tmp_path):
    """Cells that had their result by then did without; those planned with it keep it."""
    run = a_run(*(cell(arm, round=number) for number in (0, 1, 2) for arm in ARMS), judges=JUDGES, headline="took")
    work = RowWork(row=ROW, parameter="items", amount=1000)
    with JournalWriter(tmp_path / JOURNAL_NAME) as journal:
        journal.write(run.started)
        for number, record in enumerate(run.records):
            if number == len(ARMS):
                journal.write(RunCalibrated(rows=(work,)))
            journal.write(CellFinished(result=record.result))
    read = read_run(tmp_path)
    assert read.works == (work,)
    assert [record.cell for record in read.records] == [
        record.cell if record.cell.round == 0 else work.assign(record.cell, read.started.plan.seed)
        for record in run.records
    ]


def rounds_of(numbers, *, work):
    """Yield cells of a row in which trio takes twice as long; before the first round it takes nine times as long."""
    for number in numbers:
        for arm, took in (("asyncio", 100.0), ("trio", 200.0 if work or number > 1 else 900.0)):
            record = cell(arm, observed={"took": took}, round=number)
            has_work = ("items", 1000) if work else None
            yield msgspec.structs.replace(record, cell=msgspec.structs.replace(record.cell, work=has_work))


@pytest.mark.parametrize("first", [0, 1])
def test_figures_of_the_trial_do_not_count(first):
    """Its facts do."""
    before, after = rounds_of([first], work=False), rounds_of(range(first + 1, first + 7), work=True)
    (row,) = compare(a_run(*before, *after, judges=JUDGES, headline="took")).rows
    trio = next(summary for summary in row.cells if summary.label == "trio")
    assert (trio.ratio.rounds, trio.ratio.low, trio.ratio.high) == (6, pytest.approx(2.0), pytest.approx(2.0))
    assert trio.outcomes == {Outcome.COMPLETED: 7}


def test_a_trial_is_no_missing_round():
    """One of six rounds may be missing, two of seven may not."""
    after = list(rounds_of(range(1, 7), work=True))[:-1]
    (row,) = compare(a_run(*rounds_of([0], work=False), *after, judges=JUDGES, headline="took")).rows
    assert next(summary.ratio.rounds for summary in row.cells if summary.label == "trio") == 5


def test_figures_of_a_first_round_count_while_there_are_no_others():
    """Time may not suffice for more."""
    (row,) = compare(a_run(*rounds_of([1], work=False), judges=JUDGES, headline="took")).rows
    assert [summary.headline.median for summary in row.cells] == [100.0, 900.0]
