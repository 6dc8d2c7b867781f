"""`harness compare`: two stored runs."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from msgspec.structs import replace

from harness.api import exact, forbidden, metric, outcomes
from harness.cli import main as program
from harness.cli.exits import Exit
from harness.journal import JOURNAL_NAME, JournalWriter
from harness.model import CellFinished, CellObserved, Expectation, Outcome, RunFinished

from ..compare.run_builder import a_run, cell

JUDGES = {
    "took": metric("ns"),
    "answer": outcomes({"lost": forbidden("nothing may be lost")}),
    "order": exact(),
}
KNOWN = Expectation(scenario="drain", backends=("trio",), key="answer", value="lost", reason="listed", sometimes=True)


def store(folder, *records, environment=None, interrupted=False):
    """Write a journal as a run does."""
    run = a_run(*records, judges=JUDGES, headline="took", environment=environment or {"cpu": "EPYC"})
    run = replace(run, started=replace(run.started, expectations=(KNOWN,), run_id=folder.name))
    folder.mkdir()
    with JournalWriter(folder / JOURNAL_NAME) as journal:
        journal.write(run.started)
        for record in records:
            for observation in record.observations:
                journal.write(CellObserved(cell_id=record.cell.id, observation=observation))
            journal.write(CellFinished(result=record.result))
        footer = RunFinished(finished_at="", events=journal.events, cells=journal.cells, interrupted=interrupted)
        journal.write(footer)
    return str(folder)


def rounds(value):
    return [cell("trio", observed={"took": value}, round=number) for number in range(1, 8)]


@pytest.fixture
def harness(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def call(*arguments, command=("compare",)):
        with pytest.raises(SystemExit) as ended:
            program.main([*command, *arguments])
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return call


def test_nothing_regressed(harness, tmp_path):
    """A run against itself."""
    run = store(tmp_path / "a", *rounds(100.0))
    code, out, _ = harness(run, run)
    assert code == Exit.OK
    assert out.splitlines() == [
        "a → a",
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
    assert lines[-1] == "2 things change for you: 0 better, 2 worse (1 hang, 1 slower figure)"


def test_markdown_is_for_a_pull_request(harness, tmp_path):
    """The verdict first, then tables."""
    before = store(tmp_path / "a", *rounds(100.0))
    after = store(tmp_path / "b", *rounds(150.0))
    code, out, _ = harness(before, after, "--format", "markdown")
    assert code == Exit.FINDINGS
    assert out.splitlines()[2] == "**1 thing changes for you: 0 better, 1 worse (1 slower figure)**"
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


def test_reports_are_compared_like_the_runs_that_they_are_of(harness, tmp_path):
    """Two reports, or one and a run folder: the same text, and the same exit code."""
    before = store(tmp_path / "a", *rounds(100.0), cell("asyncio"))
    after = store(tmp_path / "b", *rounds(150.0), cell("asyncio", Outcome.HUNG, reason="idle"))
    reports = []
    for run in (before, after):
        reports.append(f"{run}.json")
        Path(reports[-1]).write_text(harness("-f", "json", command=("report", run))[1])
    code, out, _ = harness(before, after)
    assert code == Exit.FINDINGS
    assert "regressed" in out.splitlines()
    for sides in (reports, (before, reports[1]), (reports[0], after)):
        assert harness(*sides)[:2] == (code, out)


def test_a_report_of_another_format_is_refused(harness, tmp_path):
    """In one line that has both reasons."""
    run = store(tmp_path / "a", *rounds(100.0))
    (tmp_path / "a.md").write_text("### fine")
    code, _, err = harness(run, str(tmp_path / "a.md"))
    assert code == Exit.USAGE
    (line,) = err.splitlines()
    assert "is not the start of a journal" in line
    assert "as a json report: " in line


def test_a_run_that_is_not_there(harness, tmp_path):
    """One line."""
    run = store(tmp_path / "a", *rounds(100.0))
    code, _, err = harness(run, "nowhere")
    assert code == Exit.USAGE
    assert err.startswith("harness: cannot find the run 'nowhere'")


def losing(backend="trio", value="lost", **fields):
    return cell(backend, observed={"answer": value}, **fields)


def fine(backend="trio", **fields):
    return cell(backend, observed={"order": "abc"}, **fields)


# --- the gate ---


def test_runs_with_nothing_in_common_cannot_be_compared(harness, tmp_path):
    """A renamed backend, a wrong glob: it says what each has, and nothing is called fine."""
    before = store(tmp_path / "old", fine("trio"), fine("trio", scenario="other"))
    after = store(tmp_path / "new", fine("threads"))
    code, out, err = harness(before, after)
    assert (code, out) == (Exit.USAGE, "")
    assert "nothing to compare" in err
    assert "old has trio in drain, other" in err
    assert "new has threads in drain" in err


def test_what_did_not_run_is_nothing_in_common(harness, tmp_path):
    """The same column, unavailable in one of them."""
    before, after = store(tmp_path / "old", fine()), store(tmp_path / "new", cell("trio", Outcome.UNAVAILABLE))
    assert harness(before, after)[0] == Exit.USAGE


def test_a_row_that_one_of_them_lacks_is_named(harness, tmp_path):
    """It is no regression unless the gate says so."""
    before = store(tmp_path / "old", fine(), fine(scenario="other"))
    after = store(tmp_path / "new", fine())
    code, out, _ = harness(before, after)
    assert code == Exit.OK
    assert "missing rows\n  not in new  other on trio" in out
    assert harness(before, after, "--fail-on", "missing")[0] == Exit.FINDINGS


def test_a_known_bug_of_the_second_run_is_the_news(harness, tmp_path):
    """That it is listed makes it no smaller for who moves there."""
    before, after = store(tmp_path / "old", fine()), store(tmp_path / "new", losing())
    code, out, _ = harness(before, after)
    assert code == Exit.FINDINGS
    assert out.splitlines()[-1] == "1 thing changes for you: 0 better, 1 worse (1 violation)"
    assert "answer: 'lost' is forbidden (known)" in out
    assert harness(before, after, "--fail-on", "bug")[0] == Exit.OK
    assert harness(before, after, "--fail-on", "known")[0] == Exit.FINDINGS
    assert harness(before, after, "--fail-on", "nothing")[0] == Exit.OK
    better = harness(after, before)
    assert better[0] == Exit.OK
    assert better[1].splitlines()[-1] == "nothing regressed; 1 thing changes for you: 1 better, 0 worse"


def test_an_incomplete_run_gives_no_verdict(harness, tmp_path):
    """What did not run may be what is worse."""
    before = store(tmp_path / "old", fine(), fine(scenario="other"))
    missing = cell("trio", Outcome.NOT_RUN, reason="the run was interrupted before this cell", scenario="other")
    after = store(tmp_path / "new", fine(), missing, interrupted=True)
    code, out, _ = harness(before, after)
    assert (code, out.splitlines()[-1]) == (Exit.INCOMPLETE, "INCOMPLETE, no verdict")
    assert "nothing regressed" not in out
    assert harness(before, after, "-f", "junit")[0] == Exit.INCOMPLETE


def test_two_columns_of_one_run(harness, tmp_path):
    """Each judged alone, under one name; an answer that is to be the same everywhere is compared too."""
    columns = fine("trio"), losing("trio:offload=abandon"), fine("trio", scenario="other")
    again = cell("trio:offload=abandon", observed={"order": "cba"}, scenario="other")
    run = store(tmp_path / "both", *columns, again)
    code, out, _ = harness(run, "--columns", "trio", "trio:offload=abandon")
    assert code == Exit.FINDINGS
    assert out.startswith("trio → trio:offload=abandon\n")
    assert "1 worse (1 violation)" in out
    assert "order  other on trio → trio:offload=abandon  abc  cba" in out
    assert "has no column 'curio'; it has trio, trio:offload=abandon" in harness(run, "--columns", "trio", "curio")[2]


def in_environment(record, name, python, trio):
    """Return the record as if it had run there."""
    (role,), (result,) = record.cell.roles, record.result.roles
    attestation = replace(result.attestation, python=python, versions={"trio": trio})
    the_cell = replace(record.cell, roles=(replace(role, backend=replace(role.backend, environment=name)),))
    roles = (replace(result, attestation=attestation),)
    return replace(record, cell=the_cell, result=replace(record.result, cell_id=the_cell.id, roles=roles))


def test_an_upgrade_of_two_things_is_attributed(harness, tmp_path):
    """The verdict names the cause of each change, from the columns that have only one of the two new."""
    old, mixed, new = ("old", "3.11.7", "0.29.0"), ("mixed", "3.13.0", "0.29.0"), ("new", "3.13.0", "0.35.0")
    other = [in_environment(fine("trio", scenario="other"), *place) for place in (old, mixed)]
    crashing = in_environment(cell("trio", Outcome.CRASHED, scenario="other"), *new)
    drain = [in_environment(record, *place) for record, place in ((fine(), old), (losing(), mixed), (losing(), new))]
    idiom = in_environment(cell("trio:offload=abandon", scenario="idiom"), *mixed)  # another column, which asks nothing
    run = store(tmp_path / "all", *drain, *other, crashing, idiom)
    code, out, _ = harness(run, "--columns", "trio@old", "trio@new")
    assert code == Exit.FINDINGS
    assert "2 things change for you, 1 because of Python, 1 because of trio or Python and trio together:" in out
    assert any(line.endswith("Python") and "'lost' is forbidden" in line for line in out.splitlines())
    (changed,) = json.loads(harness(run, "--columns", "trio@old", "trio@mixed", "-f", "json")[1])["findings"]
    assert changed["cause"] == "Python"
    out = harness(run, "--columns", "trio@old", "trio@mixed")[1]
    assert "1 thing changes for you, because of Python: 0 better, 1 worse" in out


def test_junit_has_a_failure_for_what_the_gate_fails_on(harness, tmp_path):
    """A case for each change; what the gate lets pass is no failure."""
    before, after = store(tmp_path / "old", fine()), store(tmp_path / "new", losing())
    failing = ET.fromstring(harness(before, after, "-f", "junit")[1])
    (failure,) = failing.iter("failure")
    assert (failure.get("type"), failing.get("failures")) == ("known", "1")
    assert failure.get("message") == "answer: 'lost' is forbidden (known: listed)"
    passing = ET.fromstring(harness(before, after, "-f", "junit", "--fail-on", "bug")[1])
    assert list(passing.iter("failure")) == []


def test_annotations_and_a_page(harness, tmp_path):
    """An annotation for each change and the verdict; the page has both, escaped."""
    before, after = store(tmp_path / "old", fine()), store(tmp_path / "new", losing())
    lines = harness(before, after, "-f", "github")[1].splitlines()
    assert lines[0].startswith("::error title=harness%3A known::drain on trio")
    assert lines[-1].startswith("::error title=harness::1 thing changes for you")
    page = tmp_path / "changes.html"
    code, out, _ = harness(before, after, "-f", "html", "-o", str(page))
    assert (code, out) == (Exit.FINDINGS, "")
    assert '<p class="verdict bad">1 thing changes for you: 0 better, 1 worse (1 violation)</p>' in page.read_text()
    assert "&#x27;lost&#x27;" in page.read_text()
