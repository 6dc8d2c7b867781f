"""What is run again, what is not run any more, and a run in parts."""

import csv
import io
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest

from harness.journal import JOURNAL_NAME, read_run
from harness.model import CellFinished, CellRetried, Outcome
from harness.wire import decode_journal_line

DISTRIBUTION = Path(__file__).parent / "distribution"


def harness(folder, *words):
    """Run the program with its runs in `folder`; return what it did."""
    folder.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "harness.cli", *words, "--out", str(folder / "runs")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | {"PYTHONPATH": str(DISTRIBUTION), "NO_COLOR": "1", "HARNESS_TEST_AGAIN": str(folder)},
    )


def latest(folder):
    return max((folder / "runs").iterdir(), key=lambda path: (path / JOURNAL_NAME).stat().st_mtime_ns)


def outcomes(folder):
    return Counter(record.result.outcome for record in read_run(latest(folder)).records)


@pytest.fixture(scope="module")
def retried(tmp_path_factory):
    """A run with two retries."""
    folder = tmp_path_factory.mktemp("retried")
    scenarios = [word for name in ("crashes-first", "hangs-first", "raises-always") for word in ("-s", f"again.{name}")]
    done = harness(folder, "matrix", "-b", "asyncio", "-b", "trio", *scenarios, "--retries", "2", "--preset", "quick")
    return done, folder


def test_a_cell_that_completes_the_next_time_is_kept_and_called_flaky(retried):
    """Its observations are those of the attempt that counts."""
    records = {(r.cell.scenario, r.cell.label): r for r in read_run(latest(retried[1])).records}
    for scenario, before in (("again.crashes-first", "crashed"), ("again.hangs-first", "hung")):
        for label in ("asyncio", "trio"):
            result = records[scenario, label].result
            assert (result.outcome, result.is_flaky) == (Outcome.COMPLETED, True)
            assert [attempt.outcome for attempt in result.retried] == [before]
            assert len(records[scenario, label].observations) == 1


def test_a_cell_that_never_completes_is_no_flaky_one(retried):
    """It was tried as often as it may be."""
    for record in read_run(latest(retried[1])).records:
        if record.cell.scenario == "again.raises-always":
            assert (record.result.outcome, record.result.is_flaky) == (Outcome.RAISED, False)
            assert len(record.result.retried) == 2


def test_every_attempt_is_in_the_journal_with_its_evidence(retried):
    """In the order in which they were made; the last one is the end of the cell."""
    folder = latest(retried[1])
    events = [decode_journal_line(line) for line in (folder / JOURNAL_NAME).read_bytes().splitlines()]
    attempts = [event for event in events if isinstance(event, CellRetried)]
    assert Counter(event.result.outcome for event in attempts) == {"crashed": 2, "hung": 2, "raised": 4}
    assert len([event for event in events if isinstance(event, CellFinished)]) == 6
    crashed = [event.result for event in attempts if event.result.outcome == "crashed"]
    assert all((folder / result.evidence / "main.stdout").read_text() == "attempt 1\n" for result in crashed)
    assert all(result.evidence.endswith(".attempt-1") for result in crashed)


@pytest.mark.parametrize("form", ["terminal", "markdown", "html", "github"])
def test_every_report_says_that_it_is_flaky(retried, form):
    """Whoever reads one."""
    run = latest(retried[1]).name
    text = (
        harness(retried[1], "show", run).stdout
        if form == "terminal"
        else harness(retried[1], "report", run, "--format", form).stdout
    )
    assert "flaky" in text.lower() or "run again" in text.lower(), text[-3000:]


def test_programs_see_that_it_is_flaky(retried):
    """JSON has a member, JUnit the elements that build servers know, CSV the number of attempts."""
    run = latest(retried[1]).name
    document = json.loads(harness(retried[1], "report", run, "--format", "json").stdout)
    assert Counter(record["flaky"] for record in document["records"]) == {True: 4, False: 2}
    root = ET.fromstring(harness(retried[1], "report", run, "--format", "junit").stdout)
    assert len(root.findall(".//flakyFailure")) == 4
    assert len(root.findall(".//rerunFailure")) == 4
    table = csv.DictReader(io.StringIO(harness(retried[1], "report", run, "--format", "csv").stdout))
    assert {line["attempts"] for line in table} == {"2", "3"}


def test_fail_fast_stops_after_the_first(tmp_path):
    """And it does not matter whether the cell ended badly or broke its contract; resume runs the rest."""
    selection = ("-b", "asyncio", "-s", "again.breaks", "-p", "n=1,2,3,4", "--jobs", "1")
    done = harness(tmp_path, "matrix", *selection, "--fail-fast")
    assert done.returncode == 1
    assert outcomes(tmp_path) == {"completed": 1, "not run": 3}
    reasons = {r.result.reason for r in read_run(latest(tmp_path)).records} - {""}
    assert len(reasons) == 1
    assert reasons.pop().endswith("(--fail-fast)")
    assert harness(tmp_path, "resume", "latest", "--jobs", "1").returncode == 1
    assert outcomes(tmp_path) == {"completed": 2, "not run": 2}


def test_fail_fast_goes_on_while_nothing_fails(tmp_path):
    """Cells that are fine stop nothing."""
    done = harness(tmp_path, "matrix", "-b", "asyncio", "-s", "again.fine", "-p", "n=1,2,3", "--fail-fast")
    assert (done.returncode, outcomes(tmp_path)) == (0, {"completed": 3})


def test_so_many_hangs_are_enough(tmp_path):
    """The cells after them are not run."""
    selection = ("-b", "asyncio", "-b", "trio", "-s", "again.hangs-always", "-p", "n=1,2", "--jobs", "1")
    harness(tmp_path, "matrix", "--fresh", *selection, "--max-hangs", "2")
    assert outcomes(tmp_path) == {"hung": 2, "not run": 2}
    assert {r.result.reason for r in read_run(latest(tmp_path)).records if r.result.outcome == "not run"} == {
        "stopped after 2 hangs (--max-hangs)"
    }


def test_three_hangs_in_a_row_retire_a_backend_in_a_scenario(tmp_path):
    """Its other scenarios are run, and so are the other backends."""
    selection = ("-b", "asyncio", "-s", "again.hangs-always", "-s", "again.fine", "-p", "n=1,2,3,4,5", "--jobs", "1")
    harness(tmp_path, "matrix", "--fresh", *selection)
    assert outcomes(tmp_path) == {"hung": 3, "not run": 2, "completed": 5}
    reasons = {r.result.reason for r in read_run(latest(tmp_path)).records if r.result.outcome == "not run"}
    assert {reason.partition(":")[0] for reason in reasons} == {"hangs 3/3"}


def test_stress_repeats_what_measures_nothing(tmp_path):
    """What measures is run as often as before."""
    selection = ("-b", "asyncio", "-s", "again.fine", "-s", "again.measures", "--preset", "quick")
    harness(tmp_path, "matrix", *selection, "--stress-count", "4")
    assert Counter(r.cell.scenario for r in read_run(latest(tmp_path)).records) == {
        "again.fine": 4,
        "again.measures": 1,
    }
    harness(tmp_path, "matrix", *selection, "--stress-duration", "2s")
    run = read_run(latest(tmp_path))
    counted = Counter(r.cell.scenario for r in run.records)
    assert run.complete
    assert counted["again.fine"] >= counted["again.measures"] == 1


def test_stress_ends_when_all_hang(tmp_path):
    """A row whose backends are all retired is not repeated."""
    harness(tmp_path, "matrix", "--fresh", "-b", "asyncio", "-s", "again.hangs-always", "--stress-duration", "20s")
    assert outcomes(tmp_path) == {"hung": 3}


def test_parts_merge_into_the_whole(tmp_path):
    """The same cells, seeds and evidence as a run in one piece; the parts stay."""
    selection = ("-b", "asyncio", "-b", "trio", "-s", "again.fine", "-s", "again.crashes-first", "-p", "n=1,2,3")
    for part in (1, 2):
        harness(tmp_path / str(part), "matrix", *selection, "--partition", f"{part}/2")
    parts = [latest(tmp_path / str(part)) for part in (1, 2)]
    cells = [{record.cell.id for record in read_run(part).records} for part in parts]
    assert not cells[0] & cells[1]
    rows = [{record.cell.row for record in read_run(part).records} for part in parts]
    assert not rows[0] & rows[1]
    done = harness(tmp_path, "merge", *map(str, parts))
    whole = tmp_path / "whole"
    harness(whole, "matrix", *selection)
    merged, direct = read_run(latest(tmp_path)), read_run(latest(whole))
    assert (done.returncode, merged.complete) == (1, True)
    assert {r.cell.id: (r.cell.seed, r.result.outcome) for r in merged.records} == {
        r.cell.id: (r.cell.seed, r.result.outcome) for r in direct.records
    }
    crashed = [r.result for r in merged.records if r.result.outcome == "crashed"]
    assert len(crashed) == 6
    assert all((latest(tmp_path) / r.evidence / "main.stdout").read_text() == "attempt 1\n" for r in crashed)
    assert all(part.exists() for part in parts)
