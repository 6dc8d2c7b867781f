"""Cells that are run again at once, because others had the CPU."""

import time

import msgspec
import pytest

from harness.api import Backend, Scenario, allowed, bounded, exact, forbidden, info, metric, outcomes, trace
from harness.execute import CutOff, run_guarded
from harness.execute.cell import disturbed
from harness.execute.cell.disturbed import NoiseRepeats, can_be_disturbed
from harness.journal import JOURNAL_NAME, JournalWriter, read_run
from harness.model import (
    BackendSpec,
    Cell,
    CellFinished,
    CellObserved,
    CellResult,
    CellStarted,
    Disturbance,
    Observed,
    Outcome,
    Plan,
    Request,
    Resources,
    RoleBackend,
    RoleResult,
    RunFinished,
    RunStarted,
    Step,
    Unhandled,
)
from harness.plugins import Plugins

JUDGES = {
    "lost": bounded(at_most=0),
    "ending": outcomes({"fine": allowed("so it is"), "bad": forbidden("never")}),
    "kind": exact("one"),
    "whoever": exact(),
    "took": metric("ns"),
    "note": info(),
    "trace": trace(),
}
CELL = Cell(scenario="spin", roles=(RoleBackend("main", BackendSpec("one")),))


async def nothing(runtime, probe):
    """A role that is never run."""


SPIN = Scenario(
    name="spin",
    question="how long does it spin?",
    contract=("nothing is lost",),
    ref="nowhere:spin",
    roles={"main": nothing},
    parameters=(),
    judges=JUDGES,
    headline="took",
    rows={},
    conserved={"due": ("done", "late")},
    cpu_bound=True,
)


def backend_of(spec):
    """Return the backend of a spec; that of the name `threads` has threads."""
    return Backend(name=spec.name, summary="", runner="nowhere:Runner", parallel=spec.name == "threads")


def result(share=0.2, outcome=Outcome.COMPLETED, **role):
    """Return the result of an attempt in which this part of a second was spent waiting for a CPU."""
    resources = Resources(wall=1.0, user=0.5, system=0.0, run_delay=share)
    main = RoleResult(role="main", backend="one", outcome=outcome, **{"resources": resources, **role})
    return CellResult(cell_id=CELL.id, outcome=outcome, seconds=1.5, roles=(main,))


def attempts(cell=CELL, scenario=SPIN):
    """Return the attempts at a cell, of which none has been made."""
    return NoiseRepeats(cell, scenario, backend_of)


def is_repeated(end, *facts, cell=CELL, scenario=SPIN, is_last=False):
    """Return whether an attempt with this end and these facts is followed by another one."""
    made = attempts(cell, scenario)
    for key, value in facts:
        made.see(Observed(role="main", key=key, value=value, at=0.0))
    repeated = made.conclude(end, is_last=is_last) is None
    assert made.is_over is not repeated
    return repeated


# --- the rule ---


@pytest.mark.parametrize(
    ("share", "repeated"), [(0.0, False), (0.05, False), (0.051, True), (0.9, True), (None, False)]
)
def test_it_is_repeated_if_it_waited_for_a_twentieth_of_its_time(share, repeated):
    """More than that; where the system does not tell nothing is repeated."""
    assert is_repeated(result(share)) is repeated


def test_at_most_twice_and_the_last_one_counts():
    """With what the attempts before it waited, oldest first."""
    made = attempts()
    assert made.conclude(result(0.3), is_last=False) is None
    assert made.conclude(result(0.2), is_last=False) is None
    counts = made.conclude(result(0.1), is_last=False)
    assert [before.run_delay for before in counts.disturbed] == [0.3, 0.2]
    assert counts.disturbed[0] == Disturbance(wall=1.0, run_delay=0.3, seconds=1.5)
    assert msgspec.structs.replace(counts, disturbed=()) == result(0.1)
    assert made.is_over


def test_one_that_is_not_disturbed_is_left_as_it_is():
    """It has no attempt before it."""
    assert attempts().conclude(result(0.0), is_last=False) == result(0.0)


@pytest.mark.parametrize("took", [1, 10**12, -1])
def test_no_figure_decides(took):
    """Whatever was measured: a slow cell is not given more chances than a fast one."""
    assert is_repeated(result(0.2), ("took", took))
    assert not is_repeated(result(0.0), ("took", took))


def test_only_where_a_wait_means_that_others_had_the_cpu():
    """Not on threads, which wait for each other; not where the scenario sleeps; not if somebody disturbs it."""
    assert can_be_disturbed(CELL, SPIN, backend_of)
    threads = msgspec.structs.replace(CELL, roles=(RoleBackend("main", BackendSpec("threads")),))
    assert not is_repeated(result(), cell=threads)
    assert not is_repeated(result(), scenario=msgspec.structs.replace(SPIN, cpu_bound=False))
    assert not is_repeated(result(), cell=msgspec.structs.replace(CELL, perturb=(("cpu-hog", "1"),)))


def test_an_interrupted_run_repeats_nothing():
    """The cell is reported as it is."""
    assert not is_repeated(result(), is_last=True)


# --- what was seen of behaviour is not thrown away ---


@pytest.mark.parametrize(
    "end",
    [
        result(outcome=Outcome.RAISED),
        result(outcome=Outcome.HUNG, resources=None),
        result(unhandled=(Unhandled(context="task died"),)),
        result(leaks=("fd 3",)),
        result(escaped=("12 sleep",)),
    ],
)
def test_what_went_wrong_counts(end):
    """A failure that only a busy machine shows is a failure."""
    assert not is_repeated(end)


@pytest.mark.parametrize(
    ("fact", "broken"),
    [
        (("lost", 0), False),
        (("lost", 1), True),
        (("lost", "many"), True),
        (("ending", "fine"), False),
        (("ending", "bad"), True),
        (("ending", "unheard of"), True),
        (("kind", "one"), False),
        (("kind", "other"), True),
        (("whoever", "anything"), False),
        (("note", "anything"), False),
        (("undeclared", 1), False),
    ],
)
def test_a_broken_contract_counts(fact, broken):
    """Every judge that can say so without other backends."""
    assert is_repeated(result(), fact, ("lost", 0)) is not broken


def test_counts_that_do_not_add_up_count():
    """Over all repetitions within the attempt."""
    assert is_repeated(result(), ("due", 2), ("done", 1), ("late", 1), ("due", 1), ("done", 1))
    assert not is_repeated(result(), ("due", 2), ("done", 1))


def test_each_attempt_is_looked_at_for_itself():
    """What the one before it recorded is not held against it."""
    made = attempts()
    made.see(Observed(role="main", key="due", value=2, at=0.0))
    made.see(Observed(role="main", key="done", value=2, at=0.0))
    made.see(Step(role="main", actor="a", what="b", at=0.0))
    assert made.conclude(result(), is_last=False) is None
    made.see(Observed(role="main", key="lost", value=1, at=0.0))
    assert made.conclude(result(), is_last=False).outcome is Outcome.COMPLETED


# --- a cell that is really run ---


@pytest.fixture
def spawn_cell():
    """Return a small cell of a scenario that computes."""
    parameters = (("count", 5), ("kind", "many"))
    return Cell(
        scenario="spawn", roles=(RoleBackend("main", BackendSpec("asyncio")),), parameters=parameters, hang_after=5
    )


def test_a_cell_is_run_again_in_its_own_place(spawn_cell, tmp_path, monkeypatch):
    """Three processes, each with all of its facts in the journal; one end, and the record has the last one's facts."""
    monkeypatch.setattr(disturbed, "MOST_DELAY", -1.0)
    events = list(run_guarded(spawn_cell, Plugins().catalogue(), tmp_path))
    assert [type(event) for event in events if not isinstance(event, CellObserved)][-1] is CellFinished
    started = [event for event in events if isinstance(event, CellStarted)]
    assert len({event.pids["main"] for event in started}) == 3
    (end,) = [event.result for event in events if isinstance(event, CellFinished)]
    assert (end.outcome, len(end.disturbed)) == (Outcome.COMPLETED, 2)
    run = stored(tmp_path, spawn_cell, events)
    (record,) = run.records
    assert run.complete, run.note
    assert record.result == end
    everything = [event.observation for event in events if isinstance(event, CellObserved)]
    assert record.observations == tuple(everything[-len(record.observations) :])
    assert len(everything) == 3 * len(record.observations)


def test_the_first_round_of_a_bounded_run_has_no_time_for_repeats(spawn_cell, tmp_path, monkeypatch):
    """It has to ask everything; the rounds after it are repeated as elsewhere."""
    monkeypatch.setattr(disturbed, "MOST_DELAY", -1.0)
    cut_off = CutOff(at=time.monotonic() + 1000, reason="out of time")
    later = msgspec.structs.replace(spawn_cell, round=2)
    found = [
        event.result.disturbed
        for cell in (spawn_cell, later)
        for event in run_guarded(cell, Plugins().catalogue(), tmp_path, cut_off=cut_off)
        if isinstance(event, CellFinished)
    ]
    assert [len(before) for before in found] == [0, 2]


def test_a_calm_cell_is_run_once(spawn_cell, tmp_path, monkeypatch):
    """As every cell was before."""
    monkeypatch.setattr(disturbed, "MOST_DELAY", 1e9)
    events = list(run_guarded(spawn_cell, Plugins().catalogue(), tmp_path))
    assert sum(isinstance(event, CellStarted) for event in events) == 1
    (end,) = [event.result for event in events if isinstance(event, CellFinished)]
    assert end.disturbed == ()
    assert end.roles[0].resources.wall > 0


def test_an_interrupt_in_the_second_attempt_ends_the_cell(spawn_cell, tmp_path, monkeypatch):
    """It has one end, and says that there was an attempt before."""
    monkeypatch.setattr(disturbed, "MOST_DELAY", -1.0)
    stage = run_guarded(spawn_cell, Plugins().catalogue(), tmp_path)
    events = []
    while sum(isinstance(event, CellStarted) for event in events) < 2:
        events.append(next(stage))
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - it is raised after the last event
        events.append(stage.throw(KeyboardInterrupt()))
        for event in stage:
            events.append(event)  # noqa: PERF402 - what came before it raises is kept
    (end,) = [event.result for event in events if isinstance(event, CellFinished)]
    assert (end.outcome, len(end.disturbed)) == (Outcome.INTERRUPTED, 1)


def stored(folder, cell, events):
    """Return the run as it is read back from a journal of these events."""
    with JournalWriter(folder / JOURNAL_NAME) as journal:
        header = RunStarted(
            run_id="r", started_at="", request=Request(), plan=Plan(cells=(cell,)), scenarios=(), backends=()
        )
        for event in (header, *events):
            journal.write(event)
        journal.write(RunFinished(finished_at="", events=journal.events, cells=journal.cells))
    return read_run(folder)
