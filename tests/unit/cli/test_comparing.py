"""`harness compare`: two stored runs."""

import json

import pytest

from harness.api import metric
from harness.cli import main as program
from harness.cli.exits import Exit
from harness.journal import JOURNAL_NAME, JournalWriter
from harness.model import CellFinished, CellObserved, Outcome, RunFinished

from ..compare.run_builder import a_run, cell

JUDGES = {"took": metric("ns")}


def store(folder, *records, environment=None):
    """Write a journal as a run does."""
    run = a_run(*records, judges=JUDGES, headline="took", environment=environment or {"cpu": "EPYC"})
    folder.mkdir()
    with JournalWriter(folder / JOURNAL_NAME) as journal:
        journal.write(run.started)
        for record in records:
            for observation in record.observations:
                journal.write(CellObserved(cell_id=record.cell.id, observation=observation))
            journal.write(CellFinished(result=record.result))
        journal.write(RunFinished(finished_at="", events=journal.events, cells=journal.cells))
    return str(folder)


def rounds(value):
    return [cell("trio", observed={"took": value}, round=number) for number in range(1, 8)]


@pytest.fixture
def harness(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        with pytest.raises(SystemExit) as ended:
            program.main(["compare", *arguments])
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return call


def test_nothing_regressed(harness, tmp_path):
    """A run against itself."""
    run = store(tmp_path / "a", *rounds(100.0))
    code, out, _ = harness(run, run)
    assert code == Exit.OK
    assert out.splitlines() == [
        "r1 → r1",
        "",
        "unchanged: 0 findings, 1 outcomes; headline figures: 1 equivalent",
        "",
        "nothing regressed",
    ]


def test_a_regression_is_the_exit_code(harness, tmp_path):
    """What is worse is listed with where it is; a hang is said once."""
    before = store(tmp_path / "a", *rounds(100.0), cell("asyncio"))
    after = store(tmp_path / "b", *rounds(150.0), cell("asyncio", Outcome.HUNG, reason="idle"))
    code, out, _ = harness(before, after)
    assert code == Exit.FINDINGS
    lines = out.splitlines()
    assert lines[lines.index("regressed") + 1].split() == ["hang", "drain", "on", "asyncio", "hangs"]
    assert "slower  drain on trio  took  100 ns  150 ns  \N{MULTIPLICATION SIGN}1.5 [1.5, 1.5]" in out
    assert lines[-1] == "regressed: 1 hang, 1 slower figure"


def test_markdown_is_for_a_pull_request(harness, tmp_path):
    """The verdict first, then tables."""
    before = store(tmp_path / "a", *rounds(100.0))
    after = store(tmp_path / "b", *rounds(150.0))
    code, out, _ = harness(before, after, "--format", "markdown")
    assert code == Exit.FINDINGS
    assert out.splitlines()[2] == "**regressed: 1 slower figure**"
    assert (
        "| verdict | where | what | before | after | ratio |\n| --- | --- | --- | --- | --- | --- |\n| slower |" in out
    )


def test_another_machine(harness, tmp_path):
    """It is named first, and speed is left out unless asked for."""
    before = store(tmp_path / "a", *rounds(100.0))
    after = store(tmp_path / "b", *rounds(150.0), environment={"cpu": "A|B\x1b[2J"})
    code, out, _ = harness(before, after)
    assert (code, out.splitlines()[2]) == (Exit.OK, "differences of the conditions")
    assert "another machine: cpu EPYC and A|B?[2J" in out
    assert "\x1b" not in out
    assert harness(before, after, "--across-machines")[0] == Exit.FINDINGS
    assert "A\\|B" in harness(before, after, "-f", "markdown")[1]


def test_json_has_everything(harness, tmp_path):
    """Also what did not change; `--verbose` lists it in text."""
    run = store(tmp_path / "a", *rounds(100.0))
    code, out, _ = harness(run, run, "-f", "json")
    document = json.loads(out)
    assert (code, document["regression"], document["figures"][0]["verdict"]) == (Exit.OK, False, "equivalent")
    verbose = harness(run, run, "-v")[1]
    assert "equivalent  drain on trio  took" in verbose
    assert "outcome  drain on trio  completed" in verbose


def test_a_margin(harness, tmp_path):
    """In percent."""
    before, after = store(tmp_path / "a", *rounds(100.0)), store(tmp_path / "b", *rounds(108.0))
    assert harness(before, after)[0] == Exit.FINDINGS
    assert harness(before, after, "--margin", "10")[0] == Exit.OK


def test_a_run_that_is_not_there(harness, tmp_path):
    """One line."""
    run = store(tmp_path / "a", *rounds(100.0))
    code, _, err = harness(run, "nowhere")
    assert code == Exit.USAGE
    assert err.startswith("harness: cannot find the run 'nowhere'")
