"""What each part of the self-test says of figures whose truth is known."""

import msgspec
import pytest

from harness.compare.resampling import SelfTest
from harness.model import (
    BackendSpec,
    Cell,
    CellFinished,
    CellObserved,
    CellRecord,
    CellResult,
    CellStarted,
    CellSummary,
    Observed,
    OrderEffect,
    Outcome,
    Plan,
    RatioSummary,
    Request,
    RoleBackend,
    RowId,
    RowSummary,
    Run,
    RunStarted,
    SelfCheck,
    SpeedVerdict,
)
from harness.selftest import replayed
from harness.selftest.first_cell import LEAST_EFFECT, judge_first_cell
from harness.selftest.freeze import Latencies, judge_freeze, read_latencies
from harness.selftest.part import PartResult
from harness.selftest.parts import summarise
from harness.selftest.slower_arm import judge_slower_arm
from harness.selftest.stuck_arm import GRACE, HANG_AFTER, SilenceClock, judge_stuck_arm

ROW = RowId("switch", ())


def ratio(verdict, value=1.05):
    """Return a comparison with the reference."""
    return RatioSummary(reference="alpha", ratio=value, verdict=verdict)


# --- a, b ---


def replays(**changes):
    """Return replays that kept every promise."""
    kept = SelfTest(
        processes=180, replays=400, false_positives=0.03, covered=0.96, rounds=10, found={"2 %": 0.5, "5 %": 0.99}
    )
    return replayed.describe(msgspec.structs.replace(kept, **changes), "pipe on alpha")


@pytest.mark.parametrize(
    ("changes", "passed"),
    [
        ({}, True),
        ({"false_positives": 0.08}, False),
        ({"covered": 0.92}, False),
        ({"found": {"5 %": 0.94}}, False),
        ({"found": {"5 %": 0.2}, "least_found": 0.0}, True),
    ],
)
def test_the_promises_of_the_replays(changes, passed):
    """Few false alarms, intervals that hold, 5 % found unless threads or several processes scatter."""
    assert replays(**changes).passed is passed


def test_the_usual_way_is_shown_beside_ours():
    """In the line below ours; without a library that computes it, what to install."""
    with_scipy, without = replays(false_positives_blocked=0.4), replays()
    assert ["40.0%" in line for line in with_scipy.lines if "t-test" in line] == [True]
    assert [line for line in without.lines if "t-test" in line and "runtime-harness[selftest]" in line]


def test_what_is_not_promised_is_shown_without_a_promise():
    """2 % is found as often as it is; 5 % has a limit, unless it is not promised."""
    promised = [line for line in replays().lines if "slower is found" in line]
    assert [line.endswith("at least 95%") for line in promised] == [False, True]
    assert not any("at least 95%" in line for line in replays(least_found=0.0).lines)


# --- c ---


@pytest.mark.parametrize(
    ("found", "missed", "passed"), [(20, 0, True), (19, 1, True), (18, 2, False), (3, 1, True), (2, 2, False)]
)
def test_a_slower_arm_may_be_missed_once(found, missed, passed):
    """19 of 20 have to find it, and of a few all but one; slightly slower is slower."""
    ratios = [ratio(SpeedVerdict.SLOWER), ratio(SpeedVerdict.SLIGHTLY_SLOWER)] * found
    result = judge_slower_arm("c", [*ratios[:found], *[ratio(SpeedVerdict.INCONCLUSIVE)] * missed])
    assert result.passed is passed
    assert f"{found} of {found + missed} live runs" in result.said


@pytest.mark.parametrize("missing", [None, ratio(None), ratio(SpeedVerdict.FASTER), ratio(SpeedVerdict.EQUIVALENT)])
def test_a_slower_arm_that_is_called_something_else_was_missed(missing):
    """Also where there is no ratio at all."""
    assert not judge_slower_arm("c", [missing]).passed


# --- d ---


def storm_cell(**seen):
    """Return a storm that observed these, in µs."""
    facts = tuple(
        Observed(role="client", key=key.replace("_", " "), value=value, at=1.0) for key, value in seen.items()
    )
    cell = Cell(scenario="storm", roles=(RoleBackend("client", BackendSpec("alpha")),))
    return CellRecord(cell=cell, result=CellResult(cell_id="x", outcome=Outcome.COMPLETED), observations=facts)


@pytest.mark.parametrize(
    ("corrected", "uncorrected", "passed"), [(160, 9, True), (100, 50, True), (99, 9, False), (160, 51, False)]
)
def test_a_freeze_is_in_the_response_and_not_in_the_service(corrected, uncorrected, passed):
    """Half of it at least in the one, next to nothing in the other; both are shown, with and without it."""
    control = Latencies(corrected=8.0, uncorrected=7.0, given=1, storms=1)
    result = judge_freeze("d", control, Latencies(corrected=corrected, uncorrected=uncorrected, given=1, storms=1))
    assert result.passed is passed
    assert [f"{corrected:.1f} ms" in result.lines[1], "8.0 ms without" in result.lines[1]] == [True, True]
    assert [f"{uncorrected:.1f} ms" in result.lines[2], "7.0 ms without" in result.lines[2]] == [True, True]


def test_a_freeze_without_latencies():
    """Where the machine is too busy for healthy storms, too, it was not tried; else the freeze took them."""
    none = Latencies(storms=3)
    some, every = (Latencies(corrected=8.0, uncorrected=7.0, given=given, storms=3) for given in (2, 3))
    said = [judge_freeze("d", control, none).said for control in (none, some, every)]
    assert said == ["d was not tried", "d was not tried", "a freeze leaves no latencies"]
    assert judge_freeze("d", none, every).said == "d was not tried"
    assert not judge_freeze("d", every, none).passed


def test_latencies_are_those_of_the_storms_that_have_them():
    """A storm whose client was late has only its lateness."""
    late = storm_cell(lateness_p99=5e3)
    cells = [late, storm_cell(response_p99=1e5, service_p99=2e3), storm_cell(response_p99=3e5, service_p99=4e3)]
    assert read_latencies(cells) == Latencies(corrected=200.0, uncorrected=3.0, given=2, storms=3)
    assert read_latencies([late]) == Latencies(storms=1)


# --- e ---


def cell_of(label, number, *, alias=False):
    """Return a cell of a round."""
    return Cell(scenario="switch", roles=(RoleBackend("main", BackendSpec(label)),), round=number, alias=alias)


def stuck_run(**outcomes):
    """Return a run of two rounds of alpha, its alias and a stuck arm; `alpha2` is the outcome in the second round."""
    records = []
    for number in (1, 2):
        for name, label in (("alpha", "alpha"), ("again", "alpha"), ("stuck", "stuck")):
            cell = cell_of(label, number, alias=name == "again")
            usual = Outcome.HUNG if name == "stuck" else Outcome.COMPLETED
            result = CellResult(cell_id=cell.id, outcome=outcomes.get(f"{name}{number}", usual))
            records.append(CellRecord(cell=cell, result=result))
    cells = tuple(record.cell for record in records)
    started = RunStarted(
        run_id="x", started_at="", request=Request(), plan=Plan(cells=cells), scenarios=(), backends=()
    )
    return Run(started=started, records=tuple(records), complete=True)


def judge_run(run, after=HANG_AFTER + 0.6):
    """Return what is said of a run whose stuck cells were reported after so many seconds."""
    return judge_stuck_arm("e", run, ["stuck"], {record.cell.id: after for record in run.records}, 2)


@pytest.mark.parametrize(
    ("outcomes", "passed"),
    [
        ({}, True),
        ({"stuck2": Outcome.NOT_RUN}, True),
        ({"stuck2": Outcome.COMPLETED}, False),
        ({"stuck1": Outcome.NOT_RUN, "stuck2": Outcome.NOT_RUN}, False),
        ({"alpha2": Outcome.NOT_RUN}, False),
        ({"again1": Outcome.HUNG}, False),
    ],
)
def test_a_stuck_arm_is_reported_and_costs_nobody_a_round(outcomes, passed):
    """It may be left out once it has hung; the others have every round."""
    assert judge_run(stuck_run(**outcomes)).passed is passed


@pytest.mark.parametrize(("after", "passed"), [(HANG_AFTER + GRACE, True), (HANG_AFTER + GRACE + 0.1, False)])
def test_a_stuck_arm_is_reported_in_time(after, passed):
    """One second after the time-out at the latest."""
    assert judge_run(stuck_run(), after).passed is passed


def test_silence_counts_from_the_last_observation():
    """What was heard of other cells does not count; a cell that never started was never silent."""
    ticks = iter([1.0, 2.0, 3.0, 7.5])
    clock = SilenceClock(lambda: next(ticks))
    seen = Observed(role="main", key="x", value=1, at=0.1)
    clock(CellStarted(cell_id="a", pids={}))
    clock(CellObserved(cell_id="a", observation=seen))
    clock(CellStarted(cell_id="b", pids={}))
    clock(CellFinished(result=CellResult(cell_id="a", outcome=Outcome.HUNG)))
    clock(CellFinished(result=CellResult(cell_id="c", outcome=Outcome.NOT_RUN)))
    assert clock.silent == {"a": 5.5}


# --- f ---


def judge_order(verdict, effect):
    """Return what is said of a run with this verdict and effect of the order."""
    cells = tuple(CellSummary(label=label, outcomes={}, ratio=ratio(verdict)) for label in ("alpha", "beta"))
    effects = (
        OrderEffect(name="second half of the rounds", ratio=9.0, low=1, high=9, count=9),
        *([OrderEffect(name="first of its round", ratio=effect, low=1, high=2, count=10)] if effect else []),
    )
    check = SelfCheck(reference="alpha", checked=(ROW,), effects=effects)
    return judge_first_cell("f", [RowSummary(row=ROW, headline="ns", cells=cells)], [check])


@pytest.mark.parametrize(
    ("verdict", "effect", "passed"),
    [
        (SpeedVerdict.EQUIVALENT, 1.25, True),
        (SpeedVerdict.INCONCLUSIVE, 1.25, True),
        (SpeedVerdict.SLIGHTLY_SLOWER, 1.25, False),
        (SpeedVerdict.FASTER, 1.25, False),
        (None, 1.25, False),
        (SpeedVerdict.EQUIVALENT, LEAST_EFFECT - 0.01, False),
        (SpeedVerdict.EQUIVALENT, None, False),
    ],
)
def test_slower_first_cells_make_no_difference(verdict, effect, passed):
    """And they are slower: without an effect nothing was tried."""
    assert judge_order(verdict, effect).passed is passed


def test_a_run_without_a_self_check_proves_nothing():
    """Nobody knows then whether first cells were slower."""
    row = RowSummary(
        row=ROW, headline="ns", cells=(CellSummary(label="a", outcomes={}, ratio=ratio(SpeedVerdict.EQUIVALENT)),) * 2
    )
    assert not judge_first_cell("f", [row], [None]).passed


# --- all ---


def test_the_line_that_reports_show():
    """What each part says; what failed comes first."""
    kept = PartResult(name="c", lines=(), said="5 % is found", passed=True)
    broken = PartResult(name="f", lines=(), said="order matters", passed=False)
    assert summarise([kept]) == "5 % is found"
    assert summarise([kept, broken]) == "FAILED in f: 5 % is found; order matters"
