"""The conductor: a request becomes a folder with a journal and a judgement; a run that has a rest is resumed."""

import msgspec
import pytest
from catalogue import catalogue

from harness.host.signals import INTERRUPTS
from harness.journal import JOURNAL_NAME, RunStore, read_events, read_run, write_self_test
from harness.model import (
    BackendSpec,
    CellFinished,
    CellResult,
    CellStarted,
    Executor,
    Expectation,
    JournalError,
    Outcome,
    Request,
    RoleBackend,
    RunFinished,
    RunResumed,
    RunStarted,
    UsageError,
)
from harness.plugins import Plugins
from harness.session import conduct, confirmation, read_outcome, resume_session, run_session
from harness.wire import encode_line

ASKED = Request(scenarios=("pipe",), preset="quick", rounds=2)
FACTS = {"system": "Linux", "machine": "x86_64", "cpu": "C", "cores": 2, "usable_cores": 2}


def executing(outcome=Outcome.COMPLETED, *, interrupt_after=None):
    """Return a stage in place of the real one: cells end so, and after some of them the user interrupts."""

    def execute(plan, _catalogue, _folder, *, lanes, skip_reason, fresh, cut_off):
        is_interrupted = False
        for number, cell in enumerate(plan.cells):
            if is_interrupted or skip_reason(cell):
                yield CellFinished(result=CellResult(cell_id=cell.id, outcome=Outcome.NOT_RUN, reason="not run"))
                continue
            yield CellStarted(cell_id=cell.id, pids={"main": lanes})
            if number == interrupt_after:
                INTERRUPTS.request()
            try:
                yield CellFinished(result=CellResult(cell_id=cell.id, outcome=outcome, seconds=1.0))
            except KeyboardInterrupt:
                is_interrupted = True
        if is_interrupted:
            raise KeyboardInterrupt

    return execute


@pytest.fixture
def harness(monkeypatch, tmp_path):
    """Run a request with cells that nobody starts; return the outcome."""
    monkeypatch.setattr(conduct, "describe_environment", lambda _distributions: dict(FACTS))

    def run(request=ASKED, execute=None, brought=None, **options):
        monkeypatch.setattr(conduct, "execute", execute or executing())
        return run_session(request, Plugins([]), brought or catalogue(), RunStore(tmp_path), **options)

    return run


@pytest.fixture
def resume(monkeypatch, harness):
    """Resume the run of a folder; return the outcome."""

    def again(folder, execute=None, brought=None, **options):
        monkeypatch.setattr(conduct, "execute", execute or executing())
        return resume_session(folder, Plugins([]), brought or catalogue(), **options)

    return again


def test_a_request_is_planned_run_stored_and_judged(harness):
    """In a new folder; what is returned is what is stored."""
    outcome = harness(lanes=3, look=lambda: {"noise": "quiet"})
    events = list(read_events(outcome.folder))
    assert outcome.run == read_run(outcome.folder) == read_outcome(outcome.folder).run
    assert outcome.comparison == read_outcome(outcome.folder).comparison
    assert (outcome.interrupted, outcome.run.complete, outcome.run.started.run_id) == (False, True, outcome.folder.name)
    assert {record.result.outcome for record in outcome.run.records} == {Outcome.COMPLETED}
    assert len(outcome.run.records) == 8
    assert [type(event) for event in (events[0], events[-1])] == [RunStarted, RunFinished]
    assert [event.pids for event in events if isinstance(event, CellStarted)] == [{"main": 3}] * 8
    environment = outcome.run.started.environment
    assert (environment["noise"], environment["cores"], "memory" in environment["limits"]) == ("quiet", 2, True)
    assert "self_test" not in environment


def test_the_known_differences_of_the_user_are_stored(harness):
    """They decide how the run is judged, also later."""
    known = Expectation(scenario="pipe", backends=("alpha",), reason="documented")
    assert harness(expectations=(known,)).run.started.expectations == (known,)


def test_the_self_test_of_this_machine_is_stored(harness, tmp_path):
    """That of another one is not."""
    write_self_test(tmp_path, "errs in 3 % of cases", FACTS, {})
    assert harness().run.started.environment["self_test"] == "errs in 3 % of cases"
    write_self_test(tmp_path, "errs in 3 % of cases", FACTS | {"cpu": "D"}, {})
    assert "self_test" not in harness().run.started.environment


@pytest.mark.parametrize(
    "request_",
    [Request(scenarios=("nothing",)), Request(scenarios=("pipe",), executor="nowhere")],
    ids=["plan", "executor"],
)
def test_what_cannot_be_run_leaves_no_folder(harness, tmp_path, request_):
    """It is refused before anything is written."""
    with pytest.raises(UsageError):
        harness(request_)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_is_judged_as_far_as_it_went(harness):
    """The cells that did not run are named."""
    outcome = harness(execute=executing(interrupt_after=2))
    outcomes = [record.result.outcome for record in outcome.run.records]
    assert outcome.interrupted
    assert (outcomes.count(Outcome.COMPLETED), outcomes.count(Outcome.NOT_RUN)) == (3, 5)


def test_what_is_left_over_is_resumed_and_nothing_else(harness, resume):
    """In the same journal, with the facts of today; the first results stay."""
    before = harness(execute=executing(interrupt_after=2))
    ran = {record.cell.id for record in before.run.records if record.result.outcome is Outcome.COMPLETED}
    outcome = resume(before.folder, lanes=2)
    assert (outcome.folder, outcome.interrupted, outcome.run.complete) == (before.folder, False, True)
    assert {record.result.outcome for record in outcome.run.records} == {Outcome.COMPLETED}
    events = list(read_events(before.folder))
    first = next(index for index, event in enumerate(events) if isinstance(event, RunResumed))
    assert (events[first].cells, events[first].environment["cores"]) == (5, 2)
    again = {event.cell_id for event in events[first:] if isinstance(event, CellStarted)}
    assert again.isdisjoint(ran)
    assert len(again) == 5


def test_a_whole_run_is_not_resumed(harness, resume):
    """There is nothing to run, and its journal stays as it is."""
    outcome = harness()
    with pytest.raises(UsageError, match="every cell of it has its result"):
        resume(outcome.folder)
    assert read_run(outcome.folder) == outcome.run


def cut_footer(folder):
    """Leave the journal of a runner that was killed behind its last cell."""
    journal = folder / JOURNAL_NAME
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))


def test_a_run_that_was_killed_behind_its_last_cell_is_completed(harness, resume):
    """Without a cell: it gets its footer, once."""
    before = harness()
    cut_footer(before.folder)
    assert not read_run(before.folder).complete
    after = resume(before.folder)
    assert (after.run.complete, after.run.records) == (True, before.run.records)
    with pytest.raises(UsageError, match="every cell of it has its result"):
        resume(before.folder)


def test_a_resumed_run_confirms_what_differs(harness, resume, monkeypatch):
    """As an undisturbed one does, and each row once, also where the further rounds were killed as well."""
    before = harness(execute=executing(interrupt_after=2))
    doubtful = before.run.records[0].cell.row
    monkeypatch.setattr(confirmation, "find_doubtful", lambda _run: (doubtful,))
    confirmed = resume(before.folder).run
    rounds = [record.cell.round for record in confirmed.records if record.cell.row == doubtful]
    assert set(rounds) == {1, 2, 3, 4, 5, 6}
    cut_footer(before.folder)
    assert len(resume(before.folder).run.records) == len(confirmed.records)


def test_a_run_whose_executor_is_gone_is_not_resumed(harness, resume):
    """Before its journal is touched."""
    brought = msgspec.structs.replace(
        catalogue(), executors={"calm": Executor(name="calm", summary="", wrap=lambda command, _role: command)}
    )
    asked = msgspec.structs.replace(ASKED, executor="calm")
    before = harness(asked, executing(interrupt_after=0), brought)
    with pytest.raises(UsageError, match="calm"):
        resume(before.folder)
    assert read_run(before.folder) == before.run


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda cell: msgspec.structs.replace(cell, scenario="gone"), "unknown scenario 'gone'"),
        (lambda cell: with_backend(cell, "gone"), "unknown backend 'gone'"),
        (lambda cell: with_role(cell, "server"), r"'pipe' has other roles now \(main\) than in the run \(server\)"),
        (
            lambda cell: msgspec.structs.replace(cell, parameters=(("gone", 3),)),
            "'pipe' has no parameter gone any more",
        ),
    ],
)
def test_a_run_whose_plugins_have_changed_is_not_resumed(harness, resume, change, problem):
    """The message names the missing requirement of the cell, and the journal stays unchanged."""
    before = harness(execute=executing(interrupt_after=0))
    started, *rest = read_events(before.folder)
    *cells, last = started.plan.cells
    plan = msgspec.structs.replace(started.plan, cells=(*cells, change(last)))
    events = (msgspec.structs.replace(started, plan=plan), *rest)
    journal = before.folder / JOURNAL_NAME
    journal.write_bytes(stored := b"".join(map(encode_line, events)))
    with pytest.raises(UsageError, match=f"cannot resume .*{problem}"):
        resume(before.folder)
    assert journal.read_bytes() == stored


def with_backend(cell, name):
    (role,) = cell.roles
    return msgspec.structs.replace(cell, roles=(RoleBackend(role.role, BackendSpec(name)),))


def with_role(cell, name):
    (role,) = cell.roles
    return msgspec.structs.replace(cell, roles=(RoleBackend(name, role.backend),))


def test_a_backend_that_hung_before_is_not_tried_again(harness, resume):
    """The rules of a run that is resumed know what its journal has."""
    asked = msgspec.structs.replace(ASKED, backends=("alpha",), rounds=5)
    before = harness(asked, executing(Outcome.HUNG, interrupt_after=2))
    outcome = resume(before.folder)
    outcomes = [record.result.outcome for record in outcome.run.records]
    assert outcomes.count(Outcome.HUNG) == 3
    assert outcomes.count(Outcome.NOT_RUN) == len(outcomes) - 3


def test_a_folder_without_a_journal_is_no_run(tmp_path, resume):
    """Neither to resume nor to judge."""
    with pytest.raises(JournalError):
        resume(tmp_path)
    with pytest.raises(JournalError):
        read_outcome(tmp_path)
