"""Runs that harness 0.1 has stored: every command that reads a run works on them, with the answers of that time.

`stored/0.1` is a run of the tree before its journals had times: two scenarios of this distribution and one of a plugin
that is not installed here, on two backends; two tasks of that one deadlock on asyncio.
"""

import json
import shutil
from pathlib import Path

import pytest

from harness.cli import main as program
from harness.compare import compare
from harness.journal import JOURNAL_NAME, read_events, read_run
from harness.model import CellFinished, Outcome, RunResumed, UsageError

STORED = Path(__file__).parent / "stored" / "0.1"
EXPECTED = json.loads((STORED / "expected.json").read_text())


@pytest.fixture
def folder(tmp_path):
    """Return a copy of the stored run among the runs of a folder."""
    return Path(shutil.copytree(STORED, tmp_path / "runs" / "20261130-105257-655f"))


@pytest.fixture
def harness(capsys, monkeypatch, tmp_path):
    """Call the program in an empty folder; return its exit code and what it wrote."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        with pytest.raises(SystemExit) as ended:
            program.main([*arguments, "--out", "runs"])
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return call


def finding_facts(findings):
    return [
        {
            "kind": finding.kind.value,
            "title": finding.title,
            "backends": list(finding.backends),
            "row": {"scenario": finding.row.scenario, "parameters": [list(pair) for pair in finding.row.parameters]},
        }
        for finding in findings
    ]


def test_it_is_read_and_judged_as_then(folder):
    """Whole, with the same outcomes and the same findings; only its times are unknown."""
    run = read_run(folder)
    assert (run.complete, run.note, run.last) == (True, "", None)
    assert {record.cell.id: str(record.result.outcome) for record in run.records} == EXPECTED["outcomes"]
    assert finding_facts(compare(run).findings) == EXPECTED["findings"]
    assert {record.started for record in run.records} == {record.finished for record in run.records} == {None}
    hung = [record for record in run.records if record.result.outcome is Outcome.HUNG]
    assert [record.result.roles[0].autopsy.diagnosis for record in hung] == ["lock-order cycle"] * 2


def test_it_is_shown(folder, harness):
    """The whole run, and a cell that hung with its autopsy and its evidence."""
    code, out, _ = harness("show", folder.name)
    assert (code, EXPECTED["verdict"] in " ".join(out.split())) == (1, True)
    code, out, _ = harness("show", folder.name, "fixture.two-locks@asyncio#1")
    assert code == 0
    assert "lock-order cycle" in out


@pytest.mark.parametrize("name", ["terminal", "details", "html", "markdown", "github", "junit", "csv", "json"])
def test_it_is_reported_in_every_format(folder, harness, name):
    """By the renderers of today, without the scenario that is not installed."""
    code, out, err = harness("report", folder.name, "--format", name)
    assert (code, err) == (0, "")
    assert "fixture.two-locks" in out


def test_it_is_compared_with_itself(folder, harness):
    """Nothing changed."""
    other = shutil.copytree(folder, folder.with_name("20261130-105258-aaaa"))
    code, out, err = harness("compare", folder.name, other.name)
    assert (code, err) == (0, "")
    assert "fixture.two-locks" not in out


def test_its_timeline_is_refused(folder, harness):
    """In one line: it has no times."""
    code, out, err = harness("show", folder.name, "--timeline")
    assert (code, out) == (2, "")
    assert err == "harness: cannot show a timeline: the journal has no times; harness 0.1 stored none\n"
    assert all(event.when is None for event in read_events(folder))


def test_it_is_resumed(folder, harness):
    """What it had left over is run by today's harness in the same journal; the rest stays as it was stored."""
    journal = folder / JOURNAL_NAME
    lines = journal.read_bytes().splitlines(keepends=True)
    first = next(
        number for number, line in enumerate(lines) if b"cancel.ready-operation[repetitions=2]@trio#2" in line[:90]
    )
    journal.write_bytes(b"".join(lines[:first]))
    left = {record.cell.id for record in read_run(folder).records if record.result.outcome is Outcome.NOT_RUN}
    assert left == {f"cancel.ready-operation[repetitions=2]@{name}#2" for name in ("asyncio", "trio")}

    code, out, _ = harness("resume", folder.name, "--jobs", "1", "--quiet")
    assert code == 1, out  # the deadlock
    run = read_run(folder)
    assert (run.complete, run.note) == (True, "")
    assert {record.cell.id: str(record.result.outcome) for record in run.records} == EXPECTED["outcomes"]
    assert finding_facts(compare(run).findings) == EXPECTED["findings"]

    events = list(read_events(folder))
    resumed = next(index for index, event in enumerate(events) if isinstance(event, RunResumed))
    assert all(event.when is None for event in events[:resumed])
    times = [event.when.elapsed for event in events[resumed:]]
    assert times == sorted(times)
    assert {event.result.cell_id for event in events[resumed:] if isinstance(event, CellFinished)} == left
    assert run.last == events[-1].when


def test_a_journal_of_a_later_format_is_refused(folder):
    """In one line that names both formats."""
    journal = folder / JOURNAL_NAME
    journal.write_bytes(journal.read_bytes().replace(b'"format":1', b'"format":99', 1))
    with pytest.raises(UsageError, match="has format 99, this harness reads up to 1; install a newer one"):
        read_run(folder)
