"""What changed since the run before, on the page of a run."""

from harness.api import allowed, forbidden, outcomes
from harness.cli.since import add_changes
from harness.model import RenderOptions
from harness.session import read_outcome

from ..compare.run_builder import cell
from .stored_runs import store

JUDGES = {"answer": outcomes({"kept": allowed(), "lost": forbidden("no")})}


def stored(name, value, **request):
    cells = cell("asyncio", observed={"answer": "kept"}), cell("trio", observed={"answer": value})
    return store(name, *cells, judges=JUDGES, headline="answer", request=request)


def test_changes_since_the_last_run_of_the_same_request(monkeypatch, tmp_path):
    """Not since one of another selection, nor since one that cannot be read."""
    monkeypatch.chdir(tmp_path)
    stored("20261130-100000-0000", "kept")
    stored("20261130-110000-0000", "lost", scenarios=("other",))
    stored("20261130-120000-0000", "kept").joinpath("journal.jsonl").write_text("no journal")
    options = add_changes(RenderOptions(), read_outcome(stored("20261130-130000-0000", "lost")))
    assert options.changed_since == "20261130-100000-0000"
    assert options.changes[0] == ("regressed", "drain on trio", "violation: answer: 'lost' is forbidden", "bad")
    assert ("answer", "drain on trio", "answer: kept → lost", "may") in options.changes


def test_without_an_earlier_run_nothing_changed(monkeypatch, tmp_path):
    """The page says so."""
    monkeypatch.chdir(tmp_path)
    assert add_changes(RenderOptions(), read_outcome(stored("20261130-100000-0000", "kept"))) == RenderOptions()
