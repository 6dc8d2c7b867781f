"""One run of several."""

import pytest
from msgspec.structs import replace

from harness.journal import JOURNAL_NAME, JournalWriter, RunStore, merge_runs, read_run
from harness.model import (
    Attempt,
    BackendSpec,
    Cell,
    CellFinished,
    CellObserved,
    CellResult,
    Observed,
    Outcome,
    Plan,
    Request,
    RoleBackend,
    RunFinished,
    RunStarted,
    UsageError,
)


def cell(name):
    return Cell(scenario=name, roles=(RoleBackend("main", BackendSpec("trio")),))


ONE, TWO = cell("one"), cell("two")
STARTED = RunStarted(
    run_id="r",
    started_at="2026-01-01T00:00:00+00:00",
    request=Request(),
    plan=Plan(cells=()),
    scenarios=(),
    backends=(),
)


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")


def stored(folder, *results, cells=(ONE, TWO), **started):
    """Write a run of these results."""
    folder.mkdir()
    with JournalWriter(folder / JOURNAL_NAME) as journal:
        journal.write(replace(STARTED, run_id=folder.name, plan=Plan(cells=cells), **started))
        for result in results:
            journal.write(CellFinished(result=result))
        journal.write(
            RunFinished(finished_at="", events=journal.events, cells=journal.cells, checksum=journal.checksum)
        )
    return folder


def result(cell, outcome=Outcome.COMPLETED, **fields):
    return CellResult(cell_id=cell.id, outcome=outcome, **fields)


def test_the_cells_of_both(tmp_path, store):
    """With what they observed, in a complete journal; the parts are as they were."""
    one = tmp_path / "one"
    one.mkdir()
    seen = Observed(role="main", key="items lost", value=0, at=0.1)
    with JournalWriter(one / JOURNAL_NAME) as journal:
        journal.write(replace(STARTED, plan=Plan(cells=(ONE,))))
        journal.write(CellObserved(cell_id=ONE.id, observation=seen))
        journal.write(CellFinished(result=result(ONE)))
    two = stored(tmp_path / "two", result(TWO, Outcome.HUNG), cells=(TWO,))
    before = [(path / JOURNAL_NAME).read_bytes() for path in (one, two)]
    merged = read_run(merge_runs([one, two], store))
    assert merged.complete
    assert {record.cell.id: record.result.outcome for record in merged.records} == {
        ONE.id: Outcome.COMPLETED,
        TWO.id: Outcome.HUNG,
    }
    (record,) = (record for record in merged.records if record.cell == ONE)
    assert record.observations == (seen,)
    assert merged.started.environment["merged"] == "r, two"
    assert [(path / JOURNAL_NAME).read_bytes() for path in (one, two)] == before


def test_evidence_is_copied(tmp_path, store):
    """Also that of earlier attempts; a link is a link."""
    tried = Attempt(outcome=Outcome.HUNG, evidence="evidence/one.attempt-1")
    one = stored(tmp_path / "one", result(ONE, evidence="evidence/one", retried=(tried,)), cells=(ONE,))
    for name in ("one", "one.attempt-1"):
        (one / "evidence" / name).mkdir(parents=True)
        (one / "evidence" / name / "main.stdout").write_text(name)
    (one / "evidence" / "one" / "link").symlink_to("/etc/passwd")
    merged = merge_runs([one, stored(tmp_path / "two", cells=(TWO,))], store)
    assert (merged / "evidence" / "one" / "main.stdout").read_text() == "one"
    assert (merged / "evidence" / "one.attempt-1" / "main.stdout").read_text() == "one.attempt-1"
    assert (merged / "evidence" / "one" / "link").is_symlink()


@pytest.mark.parametrize(
    "path", ["../secret", "evidence/../../secret", "/etc", "evidence/gone", "evidence/" + "x" * 5000]
)
def test_evidence_elsewhere_is_none(tmp_path, store, path):
    """A journal that says so gets nothing copied."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("secret")
    one = stored(tmp_path / "one", result(ONE, evidence=path), cells=(ONE,))
    merged = merge_runs([one, stored(tmp_path / "two", cells=(TWO,))], store)
    assert [file.name for file in merged.rglob("*")] == [JOURNAL_NAME]
    assert {record.result.evidence for record in read_run(merged).records} == {""}


def test_a_result_stands_for_a_cell_that_was_not_run(tmp_path, store):
    """Whichever comes first."""
    one = stored(tmp_path / "one", result(ONE), result(TWO, Outcome.NOT_RUN, reason="stopped"))
    two = stored(tmp_path / "two", result(ONE, Outcome.INTERRUPTED), result(TWO))
    for order in ((one, two), (two, one)):
        merged = read_run(merge_runs(list(order), store))
        assert {record.result.outcome for record in merged.records} == {Outcome.COMPLETED}


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        ({"environment": {"python": "3.12"}}, "python is 3.12, in one 3.11"),
        ({"environment": {}}, "python is None"),
        ({"request": Request(executor="nice")}, "started by executor nice, in one by local"),
        ({}, "has a result of"),
    ],
)
def test_what_does_not_belong_together(tmp_path, store, other, complaint):
    """It is named; --force takes the first."""
    here = {"environment": {"python": "3.11", "load": 1.0}}
    one = stored(tmp_path / "one", result(ONE), **here)
    two = stored(
        tmp_path / "two", result(ONE, Outcome.HUNG), **({"environment": {"python": "3.11", "load": 9.0}} | other)
    )
    with pytest.raises(UsageError, match=complaint):
        merge_runs([one, two], store)
    assert store.runs() == []
    merged = read_run(merge_runs([one, two], store, force=True))
    assert next(record for record in merged.records if record.cell == ONE).result.outcome is Outcome.COMPLETED


def test_other_seeds(tmp_path, store):
    """Their cells are not of one plan."""
    one = stored(tmp_path / "one", result(ONE), cells=(ONE,))
    two = tmp_path / "two"
    two.mkdir()
    with JournalWriter(two / JOURNAL_NAME) as journal:
        journal.write(replace(STARTED, run_id="two", plan=Plan(cells=(TWO,), seed=7)))
    with pytest.raises(UsageError, match="its seed is 7, that of one is 0"):
        merge_runs([one, two], store)


def test_a_run_with_itself(tmp_path, store):
    """Is no two runs."""
    one = stored(tmp_path / "one", result(ONE))
    for folders in ([one], [one, one]):
        with pytest.raises(UsageError, match="two runs or more"):
            merge_runs(folders, store, force=True)
