"""The page that is sent to people: everything is in it, it needs nothing else, and no text in it does anything."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.api import Chart, Harm, allowed, exact, forbidden, info, interesting, metric, outcomes, trace
from harness.compare import compare
from harness.model import Autopsy, BackendCard, Expectation, LastSeen, Outcome, PossibleAnswers, RenderOptions
from harness_reports.html_report import page as page_module
from harness_reports.html_report.anchors import cell_anchor, row_anchor
from harness_reports.html_report.page import render_html
from harness_reports.html_report.page_data import list_lacking

from ..compare.run_builder import a_run, cell, spec, steps
from .hostile_runs import EVIL, hostile
from .sample_runs import everything, show

VOID = {"meta", "link", "input", "br", "hr", "img"}


class Page(HTMLParser):
    """What a browser sees of a page: elements with their attributes, and the text outside of scripts and styles."""

    def __init__(self, text):
        super().__init__()
        (found,) = re.findall('<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
        self.data = json.loads(found)
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

    def handle_decl(self, decl):
        assert decl == "DOCTYPE html"

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    def row(self, name):
        """Return the row of this name as the script reads it."""
        (row,) = (row for row in self.data["rows"] if row["n"] == name)
        return row

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
    text = show(render_html, everything())
    assert "@import" not in text
    assert "url(" not in text


def test_before_a_click_there_are_few_elements():
    """However many rows there are: they are data until a reader asks for one."""
    cells = [cell(name, parameters={"n": n}) for n in range(300) for name in ("asyncio", "uvloop", "trio")]
    assert len(page(a_run(*cells)).elements) < 250


def test_names_are_used_once_and_what_they_label_is_there(whole):
    """Every fragment has its place."""
    names = whole.all("id")
    assert sorted(names) == sorted(set(names))
    assert set(whole.all("aria-labelledby")) <= set(names)


def test_equal_runs_give_equal_pages(tmp_path):
    """Byte for byte, wherever the run lies and the reader stands."""
    pages = set()
    for name in ("here", "there"):
        (tmp_path / name / "evidence" / "drain-trio").mkdir(parents=True)
        (tmp_path / name / "evidence" / "drain-trio" / "main.stdout").write_text("said")
        pages.add(show(render_html, everything(), run_path=str(tmp_path / name)))
    assert len(pages) == 1
    assert "said" in pages.pop()


# --- the first screen ---


def test_the_top_says_what_was_run_and_the_verdict(whole):
    """Machine and noise stand at the end."""
    top = whole.text[: whole.text.index("cost by scenario")]
    assert "4 unexpected findings" in top
    assert "4 backends in 3 rows, 12 cells, 1 round, preset quick" in top
    assert "cpython 3.11.7 · Linux 6.1 · AMD EPYC · 2 cores" in whole.text


JUDGED = {"answer": outcomes({"kept": allowed(), "late": interesting("open"), "lost": forbidden("no", harm=Harm.DATA)})}


def answering(backend, value, scenario):
    return cell(backend, observed={"answer": value}, scenario=scenario)


def questions():
    """Return a run of two areas: in one of them a runtime loses data, in the other it differs by design."""
    values = {"q.lost": "lost", "q.late": "late", "other.kept": "kept"}
    return a_run(
        *(answering("asyncio", "kept", scenario) for scenario in values),
        *(answering("trio", value, scenario) for scenario, value in values.items()),
        judges=JUDGED,
        headline="answer",
    )


def test_a_map_has_a_square_for_each_area_and_runtime():
    """With the counts as text and in words, and the search that lists its rows."""
    found = page(questions())
    squares = {
        attrs["aria-label"]: (attrs["class"], attrs["href"])
        for tag, attrs in found.elements
        if tag == "a" and "aria-label" in attrs
    }
    assert squares == {
        "q on asyncio: 2 fine of 2 rows": ("heat-ok", "#q=q.%2A+asyncio"),
        "q on trio: 1 bug, 1 by design of 2 rows": ("heat-bad", "#q=q.%2A+trio+differs"),
        "other on asyncio: 1 fine of 1 row": ("heat-ok", "#q=other.%2A+asyncio"),
        "other on trio: 1 fine of 1 row": ("heat-ok", "#q=other.%2A+trio"),
    }
    assert "✗1 ≈1" in found.text


def test_a_map_has_the_cost_of_each_scenario():
    """As a factor of the reference's; less is better whatever the figure."""
    found = page(measured(asyncio=1_340_000, uvloop=870_000, trio=2_680_000))
    words = [attrs.get("aria-label", "") for tag, attrs in found.elements if tag == "a"]
    assert "drain on uvloop: \xd70.65 of the cost on asyncio, over 1 row; some rows have no interval" in words
    assert [attrs["class"] for tag, attrs in found.elements if "heat-" in attrs.get("class", "")] == [
        "heat-base",
        "heat-less-2",
        "heat-more-2",
    ]


def test_sentences_come_from_the_data():
    """What differs and can hurt, what hangs, which figure is best."""
    assert "trio differs from asyncio in 2 answers; 1 can hurt: q.lost" in page(questions()).text
    hung = page(a_run(cell("asyncio"), cell("trio", Outcome.HUNG)))
    assert "rows that hang: trio 1; nothing hangs on asyncio" in hung.text
    assert "best figure of 1 row: uvloop 1" in page(measured(asyncio=3, uvloop=2)).text


def test_chips_have_counts_and_lead_to_something():
    """What has no row has no chip, but that everything was measured is worth to know."""
    found = page(questions())
    chips = [attrs["href"] for tag, attrs in found.elements if tag == "a" and attrs.get("href", "").startswith("#q=")]
    assert "#q=differences+can+hurt" in chips
    assert "#q=hang" not in chips
    assert "bugs 1" in found.text
    assert "not measured 0" in found.text


def test_every_unexpected_finding_is_there_without_a_script(whole):
    """Each can be read on its own: expected and why, seen by whom, again."""
    start = whole.text.index("violation drain[mode=rate,rate=1000] on trio")
    block = whole.text[start : whole.text.index("all of it", start)]
    for words in (
        "items lost is more than 0",
        "expected items lost ≤ 0",
        "why each item reaches one receiver (trio docs)",
        "seen 0 : asyncio; 3 : trio",
        "see it again harness run --backend trio --scenario drain --param mode=rate --param rate=1000",
    ):
        assert words in block
    assert "unavailable curio: ImportError: cannot import name" in whole.text


# --- the data ---


def test_a_runtime_has_what_to_know_before_it_is_used():
    """The worst first, each with the search that lists its rows."""
    assert page(questions()).data["backends"]["trio"]["sentences"] == [
        ["loses or mixes data in 1 row: q.lost", "trio data"],
        ["bugs that are not listed: 1", "trio bug"],
        ["answers that differ by design: 1", "trio design"],
    ]


def test_a_square_has_symbol_word_figure_and_standing(whole):
    """And the fragment that can be sent to others."""
    for row in compare(everything()).rows:
        for square in row.cells:
            assert cell_anchor(row.row, square.label) in [c["id"] for r in whole.data["rows"] for c in r["cells"]]
    asyncio, uvloop, trio, curio = whole.row("drain rate=200")["cells"]
    assert (uvloop["s"], uvloop["f"], uvloop["best"], uvloop["r"], uvloop["st"]) == (
        "✓",
        "870 µs",
        True,
        "\xd70.65",
        "fine",
    )
    assert (curio["s"], curio["st"], trio["st"]) == ("u", "not run", "by design")
    assert asyncio["values"] == [pytest.approx(0.00134)]


def test_every_finding_is_in_the_data(whole):
    """With the rows that it is about."""
    for finding in compare(everything()).findings:
        texts = [" ".join((found["title"], found["reason"])) for found in whole.data["findings"]]
        assert any(finding.title in text or finding.reason in text for text in texts)
    (place,) = whole.row("drain mode=rate rate=1000")["findings"][:1]
    assert whole.data["findings"][place]["tone"] == "bad"


def test_known_differences_have_their_reason():
    """They are not among the unexpected."""
    run = a_run(
        cell("asyncio", observed={"end": 1}),
        cell("uvloop", observed={"end": 1}),
        cell("trio", observed={"end": 2}),
        judges={"end": exact()},
    )
    expected = Expectation(scenario="drain", backends=("trio",), key="end", reason="trio ends twice", reference="gh-1")
    started = msgspec.structs.replace(run.started, expectations=(expected,))
    found = page(msgspec.structs.replace(run, started=started))
    (known,) = found.data["findings"]
    assert (known["kind"], known["known"]) == ("known", "trio ends twice (gh-1)")
    assert "unexpected finding," not in found.text


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
    (answers,) = page(run).row("end.who")["answers"]
    lines = {(line["value"], line["seen"]): line for line in answers["lines"]}
    assert lines["all", "2 of 2"]["backends"] == ["asyncio", "uvloop"]
    assert lines["all", "2 of 2"]["reference"] == "https://example.org/docs"
    assert (lines["none", "1 of 2"]["grade"], lines["none", "1 of 2"]["tone"]) == ("forbidden", "bad")


def test_steps_have_times_and_the_first_difference():
    """One chart for backends that took the same steps; a trace that only ends early differs at its last step."""
    run = a_run(
        cell("asyncio", Outcome.COMPLETED, *steps(reader="wait wake end")),
        cell("uvloop", Outcome.COMPLETED, *steps(reader="wait wake end")),
        cell("trio", Outcome.COMPLETED, *steps(reader="wait sleep")),
        cell("curio", Outcome.COMPLETED, *steps(reader="wait wake")),
        judges={"trace": trace()},
    )
    charts = page(run).row("drain")["lanes"]
    assert [(chart["label"], chart["differs"]) for chart in charts] == [
        ("asyncio, uvloop", False),
        ("trio", True),
        ("curio", True),
    ]
    assert [[actor["first"] for actor in chart["actors"]] for chart in charts] == [[-1], [1], [1]]
    assert [what for _, what in charts[1]["actors"][0]["steps"]] == ["wait", "sleep"]


def test_a_cell_has_what_went_wrong():
    """Error, autopsy with its waits, stacks, and the command."""
    autopsy = Autopsy(
        diagnosis="lost wake-up",
        reasons=("it is idle",),
        tasks=("main", "  reader in receive"),
        waits=("reader waits for read, since before 2.10 s",),
        last_seen=(LastSeen(actor="reader", what="<b>asks</b>", at=0.12),),
    )
    run = a_run(cell("trio", Outcome.HUNG, reason="idle", stacks="Thread 1\n  File 'a.py'", autopsy=autopsy))
    found = page(run)
    (details,) = found.data["details"].values()
    (round_,) = details["rounds"]
    (role,) = round_["roles"]
    assert role["waits"] == [["reader", "read, since before 2.10 s"]]
    assert role["autopsy"] == [
        ["diagnosis", ["lost wake-up", "  it is idle"]],
        ["last seen of each actor", ["reader: <b>asks</b> at 0.120 s"]],
        ["task tree", ["main", "  reader in receive"]],
    ]
    assert role["stacks"] == ["Thread 1", "  File 'a.py'"]
    assert round_["command"] == "harness run --backend trio --scenario drain"


def test_outputs_are_read_from_the_run_folder_and_from_nowhere_else(tmp_path):
    """Whatever a journal calls the folder of a cell."""
    for folder in ("run/evidence/a", "other"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "main.stderr").write_text(f"said in {folder}\n" + "line\n" * 100)
    for evidence, shown in (("evidence/a", True), ("../other", False), (str(tmp_path / "other"), False)):
        found = show(render_html, a_run(cell("trio", evidence=evidence)), run_path=str(tmp_path / "run"))
        assert ("said in" in found) is shown
    found = show(render_html, a_run(cell("trio", evidence="evidence/a")), run_path=str(tmp_path / "run"))
    assert "61 lines left out" in found


@pytest.mark.parametrize("evidence", ["x" * 5000, "evidence/" + "y/" * 3000, "a\0b", "evidence/loop"])
def test_evidence_where_no_folder_can_be(tmp_path, evidence):
    """It costs its outputs and not the page."""
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "loop").symlink_to("loop")
    assert "drain" in show(render_html, a_run(cell("trio", evidence=evidence)), run_path=str(tmp_path))


def test_changes_since_the_run_before_come_with_the_options():
    """The page computes none: it is a function of what it is given."""
    line = ("regressed", "drain on trio", "hang: hangs", "bad")
    found = page(measured(asyncio=1, trio=2), changed_since="r0", changes=(line,))
    assert found.data["changes"] == {"since": "r0", "lines": [list(line)], "verdict": "nothing changed"}
    assert "changes 1" in found.text
    assert page(measured(asyncio=1)).data["changes"]["verdict"] == "no earlier run of the same request is stored"


# --- charts ---


def test_ratios_with_intervals_are_in_the_data():
    """Only where there are intervals."""
    cells = [
        cell(name, observed={"took": value + number}, round=number)
        for name, value in (("asyncio", 100), ("trio", 200))
        for number in range(1, 9)
    ]
    _, trio = page(a_run(*cells, judges={"took": metric("ns")}, headline="took")).row("drain")["cells"]
    assert len(trio["values"]) == 8
    assert trio["low"] <= trio["ratio"] <= trio["high"]
    assert "low" not in page(measured(asyncio=1, trio=2)).row("drain")["cells"][1]


@pytest.mark.parametrize("rows", [1, 2])
def test_latencies_from_the_median_to_the_largest(rows):
    """Whatever percentiles were observed, in their order, a chart for each row; in words too."""
    keys = {f"response {name}": metric("ns") for name in ("p99.9", "p90", "p50", "max")}
    records = [
        cell(name, observed={key: 1_000 + place for place, key in enumerate(keys)}, parameters={"rate": rate})
        for name in ("asyncio", "trio")
        for rate in range(rows)
    ]
    charts = page(a_run(*records, judges=keys, headline="response p90")).data["spreads"]
    assert [chart["names"] for chart in charts] == [["p50", "p90", "p99.9", "max"]] * rows
    assert "trio: p50 1.00 µs, p90 1.00 µs, p99.9 1.00 µs, max 1.00 µs" in charts[0]["words"]
    assert page(measured(asyncio=1)).data["spreads"] == []


def test_cost_over_a_parameter():
    """A series for each backend, from two sizes on."""
    records = [
        cell(name, observed={"took": n * factor}, parameters={"n": n})
        for name, factor in (("asyncio", 1), ("trio", 2))
        for n in (1, 10, 100)
    ]
    (chart,) = page(a_run(*records, judges={"took": metric("ns")}, headline="took")).data["growth"]
    assert (chart["x"], chart["unit"]) == ("n", "s")
    assert {series["label"]: [x for x, *_ in series["points"]] for series in chart["series"]} == {
        "asyncio": [1, 10, 100],
        "trio": [1, 10, 100],
    }


STEPS = Chart(key="table", x="load", y="took", title="took at each load", x_label="load", x_unit="1/s")


def test_a_declared_chart_has_a_line_for_each_backend():
    """From the table of the first round; words give every point; a single point is no line."""
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
    (chart,) = page(a_run(*records, judges=judges, headline="took", charts=(STEPS,))).data["tables"]
    said = "asyncio 100/s 1.00 µs, asyncio 200/s 3.00 µs, trio 100/s 2.00 µs, curio 100/s 4.00 µs"
    assert (chart["title"], chart["words"]) == ("took at each load: drain", said)
    assert page(a_run(records[4], judges=judges, headline="took", charts=(STEPS,))).data["tables"] == []


# --- hostile text, size ---


def test_hostile_text_is_shown_and_does_nothing():
    """Not as markup, not as script, not as an address, not as a template, not in a chart."""
    run = hostile(EVIL)
    text = show(render_html, run)
    found = Page(text)
    assert [tag for tag, _ in found.elements].count("script") == 2
    assert "img" not in [tag for tag, _ in found.elements]
    assert [name for _, attrs in found.elements for name in attrs if name.startswith("on")] == []
    assert [link for link in found.all("href", "a") if not link.startswith(("#", "http"))] == []
    assert "\x1b" not in text
    assert "\x00" not in text
    assert "<script>alert(1)</script>" in json.dumps(found.data)
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


def test_a_run_of_many_cells_still_gives_a_page(monkeypatch):
    """Details that do not fit are left out; what is wrong fits first, and each row stays."""
    monkeypatch.setattr(page_module, "_ROOM", 400_000)
    cells = [
        cell(f"b{backend}", observed={f"key {key}": "x" * 200 for key in range(10)}, parameters={"n": row})
        for row in range(20)
        for backend in range(10)
    ]
    bad = cell("b0", Outcome.HUNG, reason="stuck at the end", parameters={"n": 1000})
    text = show(render_html, a_run(*cells, bad))
    found = Page(text)
    assert len(text) < 410_000
    assert len(found.data["rows"]) == 21
    assert 0 < len(found.data["details"]) < 201
    assert "stuck at the end" in json.dumps(found.data["details"][cell_anchor(bad.cell.row, "b0")])


def test_variants_have_no_column():
    """An idiom stands below its backend, in the square of the row."""
    run = a_run(
        cell("asyncio", observed={"end": 1}), cell("asyncio:io=sock", observed={"end": 2}), judges={"end": exact()}
    )
    plan = msgspec.structs.replace(
        run.started.plan, backends=(spec("asyncio"), spec("asyncio:io=sock")), variants=(spec("asyncio:io=sock"),)
    )
    run = msgspec.structs.replace(run, started=msgspec.structs.replace(run.started, plan=plan))
    found = page(run)
    assert found.data["columns"] == ["asyncio"]
    assert [(square["b"], square["c"]) for square in found.row("drain")["cells"]] == [
        ("asyncio", "asyncio"),
        ("asyncio:io=sock", "asyncio"),
    ]
    assert found.row("drain")["id"] == row_anchor(run.records[0].cell.row)


def test_a_native_capability_is_not_among_those_that_lack():
    """Whatever note it has."""
    offers = {"shield": "native: disable_cancellation", "select": "emulated: a group", "abort": "absent: no way"}
    card = BackendCard(label="curio", name="curio", summary="", offers=offers)
    assert [name for name, _ in list_lacking(card)] == ["select", "abort"]


@pytest.mark.parametrize(("other", "nature"), [({"a": 1, "b": 9}, "policy"), ({"b": 10}, "semantic")])
def test_a_difference_has_its_nature(other, nature):
    """Of a question whose backends were asked under many orders; a row without that has none."""
    grades = {"a": allowed(), "b": interesting()}
    given_answers = {"asyncio": "a", "uvloop": "b"}
    cells = [cell(name, observed={"answer": answer}) for name, answer in given_answers.items()]
    run = a_run(*cells, judges={"answer": outcomes(grades)}, headline="answer")
    (row,) = {str(record.cell.row) for record in run.records}
    possible = [
        PossibleAnswers(row=row, label=label, runtime="3.11", orders=10, counts=counts)
        for label, counts in (("asyncio", {"a": 10}), ("uvloop", other))
    ]
    asked = msgspec.structs.replace(run.started, answers=tuple(possible))
    assert [found["nature"] for found in page(msgspec.structs.replace(run, started=asked)).data["rows"]] == [nature]
    assert [found["nature"] for found in page(run).data["rows"]] == [""]
