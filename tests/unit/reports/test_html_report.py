"""The page that is sent to people: everything is in it, it needs nothing else, and no text in it does anything."""

import re
import sys
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.api import Chart, allowed, exact, forbidden, info, metric, outcomes, trace
from harness.compare import compare
from harness.model import Autopsy, Expectation, LastSeen, Outcome, RenderOptions
from harness_reports.html_report import sections
from harness_reports.html_report.anchors import cell_anchor
from harness_reports.html_report.charts import draw_distribution, draw_figures, draw_ratios, draw_table
from harness_reports.html_report.page import render_html
from harness_reports.sweep_table import find_distribution

from ..compare.run_builder import a_run, cell, spec, steps
from .hostile_runs import EVIL, hostile
from .sample_runs import everything, show

VOID = {"meta", "link", "input", "br", "hr", "img"}


class Page(HTMLParser):
    """What a browser sees of a page: elements with their attributes, and the text outside of scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.open = []
        self.texts = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    def all(self, attribute, tag=None):
        return [attrs[attribute] for name, attrs in self.elements if attribute in attrs and tag in (None, name)]


def page(run, **options):
    return Page(show(render_html, run, **options))


@pytest.fixture(scope="module")
def whole():
    """The page of a run that has everything."""
    return page(everything())


def measured(**took):
    return a_run(
        *(cell(name, observed={"took": value}) for name, value in took.items()),
        judges={"took": metric("ns")},
        headline="took",
    )


# --- what it needs ---


def test_it_is_well_formed_and_needs_nothing_else(whole):
    """Every element is closed; no address is loaded, and the policy of the page forbids it."""
    assert whole.open == []
    assert whole.all("src") == []
    assert [link for link in whole.all("href", "link") if not link.startswith("data:")] == []
    (policy,) = [attrs["content"] for _, attrs in whole.elements if attrs.get("http-equiv")]
    assert policy.startswith("default-src 'none'")
    text = show(render_html, everything())
    assert "@import" not in text
    assert "url(" not in text


def test_links_within_the_page_lead_somewhere_and_names_are_used_once(whole):
    """Every fragment has its place."""
    names = whole.all("id")
    assert sorted(names) == sorted(set(names))
    assert [link for link in whole.all("href", "a") if link.startswith("#") and link[1:] not in names] == []
    for attribute in ("aria-labelledby", "aria-describedby"):
        assert set(whole.all(attribute)) <= set(names)


def test_equal_runs_give_equal_pages(tmp_path):
    """Byte for byte, charts included, wherever the run lies and the reader stands."""
    pages = set()
    for name in ("here", "there"):
        (tmp_path / name / "evidence" / "drain-trio").mkdir(parents=True)
        (tmp_path / name / "evidence" / "drain-trio" / "main.stdout").write_text("said")
        pages.add(show(render_html, everything(), run_path=str(tmp_path / name)))
    assert len(pages) == 1
    assert "said" in pages.pop()


# --- what it says ---


def test_the_top_says_what_was_run_on_what_and_the_verdict(whole):
    """In one screen."""
    top = whole.text[: whole.text.index("Backends at a glance")]
    assert "4 unexpected findings" in top
    assert "4 backends in 3 rows, 12 cells, 1 round, preset quick" in top
    assert "cpython 3.11.7 · Linux 6.1 · AMD EPYC · 2 cores" in top


def test_a_backend_has_its_verdict_at_a_glance(whole):
    """Who is safe, who hangs, who could not run, and who is faster by how much."""
    start = whole.text.index("Backends at a glance")
    glance = whole.text[start : whole.text.index("Cost: the geometric mean over rows")]
    lines = re.findall(
        r"(asyncio|uvloop|trio|curio) (as expected|hangs or crashes|unexpected findings|did not run)", glance
    )
    assert lines == [
        ("asyncio", "as expected"),
        ("uvloop", "hangs or crashes"),
        ("trio", "unexpected findings"),
        ("curio", "did not run"),
    ]
    assert "\xd70.65" in glance


def test_every_square_has_a_symbol_a_word_and_its_own_place(whole):
    """As a link that can be sent to somebody."""
    names = set(whole.all("id"))
    for row in compare(everything()).rows:
        for square in row.cells:
            assert cell_anchor(row.row, square.label) in names
    assert "✗ no figure breaks its contract" in whole.text
    assert "H hung" in whole.text
    assert "u unavailable" in whole.text
    assert "870 µs best ok \xd70.65" in whole.text


def test_rows_in_which_all_agree_can_be_hidden():
    """The filter works by a class of the row, without script."""
    same = [cell(name, scenario="same", observed={"end": 1}) for name in ("asyncio", "trio")]
    differing = [cell(name, scenario="other", observed={"end": name}) for name in ("asyncio", "trio")]
    found = page(a_run(*same, *differing, judges={"end": exact()}, headline="end"))
    classes = {
        attrs["data-scenario"]: attrs.get("class")
        for tag, attrs in found.elements
        if tag == "tr" and "data-scenario" in attrs
    }
    assert classes == {"same": "alike", "other": None}
    assert "only-differences" in found.all("id")


def test_every_finding_is_in_it(whole):
    """Each can be read on its own: expected and why, seen by whom, again, evidence."""
    for finding in compare(everything()).findings:
        assert finding.title in whole.text or finding.reason in whole.text
    start = whole.text.index("violation items lost is more than 0")
    block = whole.text[start : whole.text.index("hang", start + 10)]
    for words in (
        "expected items lost ≤ 0",
        "why each item reaches one receiver (trio docs)",
        "seen 0 : asyncio 3 : trio",
        "see it again harness run --backend trio --scenario drain --param mode=rate --param rate=1000",
    ):
        assert words in block


def test_known_differences_stand_apart():
    """They have their reason, and are not among the findings; nor is a backend that could not run."""
    run = a_run(
        cell("asyncio", observed={"end": 1}),
        cell("uvloop", observed={"end": 1}),
        cell("trio", observed={"end": 2}),
        cell("curio", Outcome.UNAVAILABLE, reason="no curio"),
        judges={"end": exact()},
    )
    expected = Expectation(scenario="drain", backends=("trio",), key="end", reason="trio ends twice", reference="gh-1")
    started = msgspec.structs.replace(run.started, expectations=(expected,))
    found = page(msgspec.structs.replace(run, started=started))
    assert "finding" not in found.all("class")
    assert "drain on trio: end differs trio ends twice (gh-1)" in found.text
    assert "unavailable curio: no curio" in found.text


def test_answers_with_their_frequency_and_grade():
    """Of each set that is judged; the same answers are one line."""
    judges = {"end": outcomes({"all": allowed("as documented", "https://example.org/docs"), "none": forbidden("lost")})}
    run = a_run(
        cell("asyncio", observed={"end": ["all", "all"]}, scenario="end.who"),
        cell("uvloop", observed={"end": ["all", "all"]}, scenario="end.who"),
        cell("trio", observed={"end": ["all", "none"]}, scenario="end.who"),
        judges=judges,
        headline="end",
    )
    found = page(run)
    assert "all asyncio , uvloop 2 of 2 allowed : as documented" in found.text
    assert "none trio 1 of 2 forbidden : lost" in found.text
    assert "A all" in found.text
    assert "https://example.org/docs" in found.all("href", "a")


def test_traces_stand_side_by_side_with_the_first_difference_marked():
    """One column for backends that took the same steps; later differences are not called the first."""
    run = a_run(
        cell("asyncio", Outcome.COMPLETED, *steps(reader="wait wake end")),
        cell("uvloop", Outcome.COMPLETED, *steps(reader="wait wake end")),
        cell("trio", Outcome.COMPLETED, *steps(reader="wait sleep")),
        judges={"trace": trace()},
    )
    found = page(run)
    rows = [attrs.get("class", "") for tag, attrs in found.elements if tag == "tr"]
    assert (rows.count("first"), rows.count("different")) == (1, 1)
    assert "asyncio, uvloop trio" in found.text
    assert "2 ≠ first difference wake sleep 3 end (no further step)" in found.text


def test_a_cell_shows_what_went_wrong():
    """Error, autopsy with its task tree, stacks, and the command."""
    autopsy = Autopsy(
        diagnosis="lost wake-up",
        reasons=("it is idle",),
        tasks=("main", "  reader in receive"),
        waits=("reader waits for read, since before 2.10 s",),
        last_seen=(LastSeen(actor="reader", what="<b>asks</b>", at=0.12),),
    )
    text = page(
        a_run(cell("trio", Outcome.HUNG, reason="idle", stacks="Thread 1\n  File 'a.py'", autopsy=autopsy))
    ).text
    assert "diagnosis lost wake-up it is idle" in text
    assert "waits reader waits for read, since before 2.10 s" in text
    assert "last seen of each actor reader: <b>asks</b> at 0.120 s" in text
    assert "task tree main reader in receive" in text
    assert "stacks Thread 1 File 'a.py'" in text
    assert "see it again harness run --backend trio --scenario drain" in text


def test_outputs_are_read_from_the_run_folder_and_from_nowhere_else(tmp_path):
    """Whatever a journal calls the folder of a cell."""
    for folder in ("run/evidence/a", "other"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "main.stderr").write_text(f"said in {folder}\n" + "line\n" * 100)
    for evidence, shown in (("evidence/a", True), ("../other", False), (str(tmp_path / "other"), False)):
        found = page(a_run(cell("trio", evidence=evidence)), run_path=str(tmp_path / "run")).text
        assert ("said in" in found) is shown
    assert "61 lines left out" in page(a_run(cell("trio", evidence="evidence/a")), run_path=str(tmp_path / "run")).text


# --- charts ---


def test_charts_are_svg_without_script_and_have_words():
    """A screen reader gets the figures, a printer the picture."""
    found = page(measured(asyncio=1_340_000, trio=2_000_000))
    assert "svg" in [tag for tag, _ in found.elements]
    assert "defaults: asyncio 1.34 ms, trio 2.00 ms" in found.all("aria-label")
    assert [tag for tag, _ in found.elements].count("script") == 1


def test_ratios_with_intervals_are_drawn():
    """Only where there are intervals."""
    cells = [
        cell(name, observed={"took": value + number}, round=number)
        for name, value in (("asyncio", 100), ("trio", 200))
        for number in range(1, 9)
    ]
    comparison = compare(a_run(*cells, judges={"took": metric("ns")}, headline="took"))
    assert draw_ratios(comparison.rows, comparison.labels, "asyncio") is not None
    few = compare(measured(asyncio=1, trio=2))
    assert draw_ratios(few.rows, few.labels, "asyncio") is None


@pytest.mark.parametrize("rows", [1, 2])
def test_latencies_are_drawn_from_the_median_to_the_largest(rows):
    """Whatever percentiles were observed, in their order, a panel for each row; in words too."""
    keys = {f"response {name}": metric("ns") for name in ("p99.9", "p90", "p50", "max")}
    records = [
        cell(name, observed={key: 1_000 + place for place, key in enumerate(keys)}, parameters={"rate": rate})
        for name in ("asyncio", "trio")
        for rate in range(rows)
    ]
    run = a_run(*records, judges=keys, headline="response p90")
    found = find_distribution(compare(run).rows)
    assert list(found) == ["p50", "p90", "p99.9", "max"]
    chart = draw_distribution(compare(run).rows, found, ("asyncio", "trio"))
    assert [chart.index(f">{name}</text>") for name in found] == sorted(chart.index(f">{n}</text>") for n in found)
    assert chart.count(">p99.9</text>") == rows
    said = page(run).all("aria-label")
    assert any("on trio: p50 1.00 µs, p90 1.00 µs, p99.9 1.00 µs, max 1.00 µs" in text for text in said)


def test_a_headline_that_is_no_percentile_has_no_distribution():
    """Nor has one of which nothing else was observed a curve."""
    assert find_distribution(compare(measured(asyncio=1)).rows) == find_distribution(()) == {}
    lone = compare(a_run(cell("trio", observed={"a p50": 1}), judges={"a p50": metric("ns")}, headline="a p50"))
    assert draw_distribution(lone.rows, find_distribution(lone.rows), ("trio",)) is None


STEPS = Chart(key="table", x="load", y="took", title="took at each load", x_label="load", x_unit="1/s")


def test_a_declared_chart_has_a_line_for_each_backend():
    """From the table of the first round; words give every point."""
    tables = {
        "asyncio": [{"load": 100, "took": 1_000.0}, {"load": 200, "took": 3_000.0}],
        "trio": [{"load": 100, "took": 2_000.0}, {"load": 200, "took": None}, {}],
        "curio": [{"load": 100, "took": 4_000.0}],
    }
    records = [
        cell(name, observed={"table": [table], "took": 1}, round=number)
        for name, table in tables.items()
        for number in (1, 2)
    ]
    judges = {"took": metric("ns"), "table": info()}
    found = page(a_run(*records, judges=judges, headline="took", charts=(STEPS,)))
    said = "asyncio 100/s 1.00 µs, asyncio 200/s 3.00 µs, trio 100/s 2.00 µs, curio 100/s 4.00 µs"
    assert "took at each load: drain" in found.text
    assert [text for text in found.all("aria-label") if said in text]
    assert "took at each load" not in page(a_run(*records, judges=judges, headline="took")).text


def test_a_chart_of_a_table_needs_two_places_on_its_axis():
    """A single point is no line."""
    points = [("asyncio", 1.0, 2.0), ("trio", 1.0, 3.0)]
    assert draw_table(STEPS, points, ("asyncio", "trio"), "ns") is None
    assert ">load, 1/s<" in draw_table(STEPS, [*points, ("trio", 2.0, 3.0)], ("asyncio", "trio"), "ns")


def test_a_platform_without_the_library_has_tables_and_no_charts(monkeypatch):
    """It is compiled, so a platform may lack it."""
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    rows = compare(measured(asyncio=1, trio=2)).rows
    assert draw_figures(rows, ("asyncio", "trio")) is None
    assert "figures as a table (2)" in page(measured(asyncio=1, trio=2)).text


# --- hostile text, size ---


def test_hostile_text_is_shown_and_does_nothing():
    """Not as markup, not as script, not as an address, not as a template, not in a chart."""
    run = hostile(EVIL)
    text = show(render_html, run)
    found = Page(text)
    assert [tag for tag, _ in found.elements].count("script") == 1
    assert "img" not in [tag for tag, _ in found.elements]
    assert [name for _, attrs in found.elements for name in attrs if name.startswith("on")] == []
    assert [link for link in found.all("href", "a") if not link.startswith(("#", "http"))] == []
    assert "\x1b" not in text
    assert "\x00" not in text
    assert "<script>alert(1)</script>" in found.text
    assert "49" not in re.findall(r"`(\d+)", text)


@pytest.mark.parametrize("run", [everything(), hostile(EVIL)], ids=["everything", "hostile"])
def test_the_content_policy_allows_the_script_of_the_page_and_no_other(run):
    """By its hash: an element that a text smuggled in would be one that the browser refuses."""
    text = show(render_html, run)
    (script,) = re.findall("<script>(.*?)</script>", text, re.DOTALL)
    (policy,) = re.findall('http-equiv="Content-Security-Policy" content="(.*?)"', text)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.characters(), min_size=1, max_size=30))
def test_whatever_the_text_is_the_page_is_well_formed(text):
    """It can be encoded, its elements are closed, and nothing in it hides."""
    run = hostile(text)
    made = render_html(run, compare(run), RenderOptions())
    made.encode()
    found = Page(made)
    assert found.open == []
    assert all(part.isprintable() for text in found.texts for part in text.split("\n"))


def test_a_run_of_many_cells_still_gives_a_page():
    """What does not fit is named, with the command that shows it; what is wrong fits first."""
    cells = [
        cell(f"b{backend}", observed={f"key {key}": "x" * 200 for key in range(10)}, parameters={"n": row})
        for row in range(100)
        for backend in range(10)
    ]
    bad = cell("b0", Outcome.HUNG, reason="stuck at the end", parameters={"n": 1000})
    text = show(render_html, a_run(*cells, bad))
    assert len(text) < 3_000_000
    assert "There is no room for this cell" in text
    assert text.count('<details class="cell"') == 1001
    detail = text[text.index(f'id="{cell_anchor(bad.cell.row, "b0")}"') :]
    assert "stuck at the end" in detail[:1500]


def test_of_a_large_run_rows_with_findings_are_detailed_first(monkeypatch):
    """The others stay in the matrix; their links lead to the place that says what to do."""
    monkeypatch.setattr(sections, "_MOST_SQUARES", 6)
    cells = [cell(name, parameters={"n": n}) for n in range(10) for name in ("asyncio", "trio")]
    bad = cell("trio", Outcome.HUNG, parameters={"n": 99}, reason="stuck")
    found = page(a_run(*cells, bad))
    names = found.all("id")
    assert [link for link in found.all("href", "a") if link.startswith("#") and link[1:] not in names] == []
    assert len(found.all("data-anchor")) == 5
    assert cell_anchor(bad.cell.row, "trio") in found.all("data-anchor")
    assert "16 cells in which nothing unusual was seen have no room" in found.text


def test_variants_have_no_column_and_their_own_cells():
    """As in the terminal: an idiom stands below the row."""
    run = a_run(
        cell("asyncio", observed={"end": 1}), cell("asyncio:io=sock", observed={"end": 2}), judges={"end": exact()}
    )
    plan = msgspec.structs.replace(
        run.started.plan, backends=(spec("asyncio"), spec("asyncio:io=sock")), variants=(spec("asyncio:io=sock"),)
    )
    run = msgspec.structs.replace(run, started=msgspec.structs.replace(run.started, plan=plan))
    found = page(run)
    assert "io=sock" in found.text
    assert cell_anchor(run.records[1].cell.row, "asyncio:io=sock") in found.all("id")
