"""The formats that other programs read: JUnit, Markdown, annotations, CSV."""

import csv
import io
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import pytest
import xmlschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.api import bounded, exact, info
from harness.compare import compare
from harness.model import ErrorReport, Expectation, Outcome, RenderOptions
from harness_reports import markdown_text
from harness_reports.csv_report import COLUMNS, render_csv
from harness_reports.github_report import render_github
from harness_reports.html_report.page import render_html
from harness_reports.issue_report import render_issue
from harness_reports.junit_report import render_junit
from harness_reports.markdown_report import render_markdown

from ..compare.run_builder import a_run, cell
from .hostile_runs import EVIL, hostile
from .sample_runs import everything, show

SCHEMA = xmlschema.XMLSchema(str(Path(__file__).with_name("junit.xsd")))
FORMATS = (render_junit, render_markdown, render_github)


def junit(run):
    """Return the root of a report that fits the schema."""
    text = show(render_junit, run)
    SCHEMA.validate(text)
    return ET.fromstring(text)


def case_of(root, name):
    (found,) = [case for case in root.iter("testcase") if case.get("name") == name]
    return found


def known(run, **expectation):
    """Return a run that expects a difference."""
    expected = Expectation(scenario="drain", reason="upstream knows", reference="gh-1", **expectation)
    return msgspec.structs.replace(run, started=msgspec.structs.replace(run.started, expectations=(expected,)))


def lossy(lost_in, rounds=3):
    """Return a run in which trio loses items in some of its rounds."""
    cells = [
        cell(name, round=number, observed={"lost": int(name == "trio" and number in lost_in)})
        for number in range(1, rounds + 1)
        for name in ("asyncio", "trio")
    ]
    return a_run(*cells, judges={"lost": bounded(at_most=0)})


# --- every format ---


@pytest.mark.parametrize("render", FORMATS)
def test_every_finding_is_in_it(render):
    """With its title, or its reason where a backend could not run."""
    text = show(render, everything()).replace("\\", "")
    for finding in compare(everything()).findings:
        assert finding.title.replace("'", "&apos;") in text or finding.title in text or finding.reason in text


@pytest.mark.parametrize("render", [*FORMATS, render_csv])
def test_equal_runs_give_equal_text(render):
    """Byte for byte."""
    assert show(render, everything()) == show(render, everything())


@pytest.mark.parametrize("render", [*FORMATS, render_csv])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.one_of(st.just(EVIL), st.text(st.characters(), min_size=1, max_size=30)))
def test_whatever_the_text_is_nothing_in_it_moves_a_cursor(render, text):
    """It can be encoded, and each line is a line."""
    run = hostile(text)
    made = render(run, compare(run), RenderOptions())
    made.encode()
    assert all(line.isprintable() for line in made.split("\n"))


@pytest.mark.parametrize("render", [render_html, render_junit, render_markdown, render_issue])
def test_what_is_sent_to_people_does_not_say_where_files_lie(render, tmp_path):
    """In stacks, tracebacks, outputs; what a maintainer needs of a path stays."""
    (tmp_path / "evidence" / "a").mkdir(parents=True)
    (tmp_path / "evidence" / "a" / "main.stderr").write_text('File "/home/alice/out.py"')
    path = "/home/alice/v/lib/python3.11/site-packages/trio/run.py"
    error = ErrorReport(type="OSError", message="no", traceback=f'File "{path}", line 1')
    hung = cell("trio", Outcome.HUNG, stacks=f'File "{path}", line 3', error=error, evidence="evidence/a")
    text = show(render, a_run(hung, cell("asyncio")), run_path=str(tmp_path))
    assert "alice" not in text
    assert "trio/run.py" in text


# --- JUnit ---


def test_every_cell_is_a_test_case_and_the_counts_are_right():
    """Of the suite of its scenario; the run as a whole has one too."""
    root = junit(everything())
    suites = {suite.get("name"): suite for suite in root}
    assert {name: suite.get("tests") for name, suite in suites.items()} == {"drain": "8", "close": "3", "harness": "1"}
    for suite in root:
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(name)) == len(list(suite.iter(tag)))
    assert root.get("tests") == "12"


def test_an_unexpected_finding_is_a_failure_and_a_crash_an_error():
    """With everything that the finding says."""
    root = junit(everything())
    (violation,) = [failure for failure in root.iter("failure") if failure.get("type") == "violation"]
    assert violation.get("message") == "items lost is more than 0"
    assert "expected: items lost ≤ 0" in violation.text
    assert "again: harness run --backend trio" in violation.text
    crashed = junit(a_run(cell("trio", Outcome.CRASHED, reason="signal 11"), cell("asyncio")))
    assert case_of(crashed, "trio round 1").find("error").get("type") == "crash"
    assert len(case_of(crashed, "asyncio round 1")) == 1


def test_what_is_known_is_skipped_with_its_reason():
    """As build servers show an expected failure."""
    run = known(lossy({1, 2, 3}), backends=("trio",), key="lost")
    root = junit(run)
    message = case_of(root, "trio round 2").find("skipped").get("message")
    assert message == "known: lost is more than 0: upstream knows (gh-1)"
    assert list(root.iter("failure")) == []


def test_what_only_some_rounds_show_is_flaky():
    """Only those rounds fail, and say how many they are."""
    root = junit(lossy({2}))
    assert case_of(root, "trio round 2").find("failure").get("message") == (
        "flaky, in 1 of 3 rounds: lost is more than 0"
    )
    assert case_of(root, "trio round 1").find("failure") is None
    assert not [f for f in junit(lossy({1, 2, 3})).iter("failure") if "flaky" in f.get("message")]


@pytest.mark.parametrize(("right", "wrong"), [(["a", "b"], ["b"]), ("1", "2"), (True, None), (0.123456789, 0.5)])
def test_a_round_that_saw_what_it_should_does_not_fail(right, wrong):
    """Whatever the value is: a list, a truth, a text that reads like a number, more digits than a report shows."""
    cells = [cell(name, observed={"end": [right]}, round=number) for name in ("trio", "curio") for number in (1, 2)]
    root = junit(a_run(cell("trio", observed={"end": [wrong]}, round=3), *cells, judges={"end": exact(right)}))
    assert case_of(root, "trio round 1").find("failure") is None
    assert "in 1 of 3 rounds" in case_of(root, "trio round 3").find("failure").get("message")


@pytest.mark.parametrize("outcome", [Outcome.UNSUPPORTED, Outcome.UNAVAILABLE, Outcome.NOT_RUN])
def test_what_was_not_run_is_skipped_with_its_reason(outcome):
    """A build does not fail because a runtime is not installed."""
    root = junit(a_run(cell("trio", outcome, reason="no trio"), cell("asyncio")))
    assert "no trio" in case_of(root, "trio round 1").find("skipped").get("message")


def test_what_no_cell_shows_is_a_case_of_the_run():
    """An expected difference that is gone, a journal that is cut off."""
    run = known(lossy(()), backends=("trio",), key="lost", value="7")
    assert [failure.get("type") for failure in junit(run).iter("failure")] == ["stale expectation"]
    root = junit(msgspec.structs.replace(run, note="the journal is cut off"))
    assert case_of(root, "the run is complete").find("error").get("message") == "the journal is cut off"


# --- Markdown ---


def test_markdown_says_the_verdict_first_then_the_findings():
    """Then the matrix, folded."""
    text = show(render_markdown, everything())
    assert text.startswith("### ❌ harness: 4 unexpected findings")
    assert text.index("**violation**") < text.index("**hang**") < text.index("<summary>figures</summary>")
    assert "harness run --backend trio --scenario drain --param mode=rate --param rate=1000" in text


def test_markdown_fits_into_a_comment_and_still_names_every_finding():
    """GitHub takes 65,536 characters; details go first."""
    cells = [
        cell("trio", Outcome.HUNG, scenario=f"s{number}", reason=f"why {number} {'x' * 400}", stacks="frame\n" * 50)
        for number in range(150)
    ]
    text = show(render_markdown, a_run(*cells, cell("asyncio", scenario="s0")))
    assert len(text) < 65_000
    assert all(f" s{number} on trio" in text for number in range(150))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("@maintainer", "@<!-- -->maintainer"),
        ("fixes #12", r"fixes \#<!-- -->12"),
        ("<b>|x", r"&lt;b\>\|x"),
        ("![i](http://a.b)", r"!\[i\](http:<!-- -->//a.b)"),
        ("a\nb", "a b"),
        ("&lt;", "&amp;lt;"),
    ],
)
def test_quoted_text_is_no_markup_no_mention_and_no_link(value, shown):
    """Whatever a scenario observes."""
    assert markdown_text.text(value) == shown


@given(st.text(st.characters(), max_size=30))
def test_code_stays_code(value):
    """A backtick in it cannot end it."""
    made = markdown_text.code(value)
    if made:
        fence = re.match("`+", made).group()
        assert made.endswith(fence)
        assert fence not in re.findall("`+", made[len(fence) : -len(fence)])
    first, *_, last = markdown_text.block([value], "")
    assert first == last
    assert first not in markdown_text.block([value], "")[1:-1]


# --- annotations, CSV ---


def test_annotations_have_the_level_that_the_finding_has():
    """Errors fail nobody's eyes; the verdict comes last."""
    lines = show(render_github, everything()).splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::error"] * 4 + ["::notice", "::warning", "::error"]
    assert lines[0].startswith("::error title=harness%3A violation::drain[mode=rate,rate=1000] on trio: items lost")


def test_an_annotation_cannot_be_continued_by_its_text():
    """A line break or a percent sign in it is text."""
    run = a_run(cell("trio", Outcome.HUNG, reason="100%\n::error::other", scenario="a\n::set-output"), cell("asyncio"))
    lines = show(render_github, run).splitlines()
    assert len(lines) == 2
    assert not any(line.startswith(("::set", "::error::")) for line in lines)


def rows(run):
    return list(csv.DictReader(io.StringIO(show(render_csv, run))))


def test_csv_has_every_value_of_every_cell():
    """Cells without any have a line, so that each is there."""
    run = everything()
    found = rows(run)
    assert tuple(found[0]) == COLUMNS
    one = next(row for row in found if row["backend"] == "uvloop" and row["key"] == "response p90")
    assert (one["value"], one["unit"], one["judge"], one["parameters"]) == ("870000", "ns", "metric", "rate=200")
    assert {(row["scenario"], row["backend"]) for row in found} == {
        (record.cell.scenario, record.cell.label) for record in run.records
    }
    assert [row["outcome"] for row in found if row["backend"] == "curio"] == ["unavailable"] * 2


def test_csv_keeps_types_apart_and_is_no_formula():
    """A spreadsheet must not run what a scenario saw."""
    observed = {"flag": True, "none": None, "many": [[1, {"a": 2}]], "evil": "=1+1", "minus": -3, "@key": 0.1}
    run = a_run(cell("trio", observed=observed), judges={"flag": info(), "evil": exact()})
    values = {row["key"]: row["value"] for row in rows(run)}
    assert values == {
        "flag": "true",
        "none": "",
        "many": '[1,{"a":2}]',
        "evil": "'=1+1",
        "minus": "-3",
        "'@key": "0.1",
    }
