"""The page in a real browser, driven as a reader does, with the extra `browser` and a Chromium.

Ten questions, each answered in at most two clicks or one search from the first screen, and the properties that only a
browser can show. Most of it is slow: `pytest -m slow`.
"""

import os
import shutil

import pytest
from msgspec.structs import replace

from harness.api import NO_FIGURE, Harm, allowed, forbidden, info, interesting, metric, outcomes
from harness.compare import compare
from harness.model import Outcome
from harness_reports.html_report.anchors import cell_anchor, row_anchor
from harness_reports.html_report.page import render_html

from ..compare.run_builder import a_run, cell, steps
from .hostile_runs import EVIL, hostile
from .sample_runs import everything, show

playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra `browser`")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs the extra `browser`")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

CHANGES = (("regressed", "q.lost on trio", "loses an item", "bad"),)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("needs a Chromium on the PATH")
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as api:
        running = api.chromium.launch(executable_path=CHROMIUM, args=options)
        yield running
        running.close()


@pytest.fixture
def visit(browser, tmp_path):
    """Open the page of a run from a file; afterwards nothing may have been requested, logged or raised."""
    trouble, pages = [], []

    def call(run, fragment="", **options):
        file = tmp_path / "report.html"
        file.write_text(show(render_html, run, changed_since="r0", changes=CHANGES))
        page = browser.new_page(**options)
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", lambda dialog: trouble.append(dialog.message))
        page.on("request", lambda sent: sent.url.startswith(("file:", "data:")) or trouble.append(sent.url))
        page.goto(f"{file.as_uri()}{fragment}")
        pages.append(page)
        return page

    yield call
    for page in pages:
        page.close()
    assert trouble == []


ANSWERS = {"kept": allowed(), "late": interesting("left open"), "lost": forbidden("no item is lost", harm=Harm.DATA)}
PERCENTILES = ("p50", "p90", "p99")


def a_matrix():
    """Return a run of three runtimes that has an answer to each of the ten questions."""
    backends = ("asyncio", "uvloop", "trio")
    questions = {"q.lost": ("kept", "kept", "lost"), "q.late": ("kept", "late", "kept"), "q.alike": ("kept",) * 3}
    records = [
        cell(backend, Outcome.COMPLETED, *steps(reader="wait wake end"), observed={"answer": answer}, scenario=scenario)
        for scenario, answers in questions.items()
        for backend, answer in zip(backends, answers, strict=True)
    ]
    hangs = [Outcome.COMPLETED, Outcome.COMPLETED, Outcome.HUNG]
    records += [
        cell(b, outcome, *steps(reader="wait wake" if outcome is Outcome.COMPLETED else "wait"), scenario="q.stuck")
        for b, outcome in zip(backends, hangs, strict=True)
    ]
    records += [
        cell(
            backend,
            observed={f"response {name}": factor * n * place for place, name in enumerate(PERCENTILES, 1)},
            scenario="channel",
            parameters={"capacity": n},
        )
        for backend, factor in (("asyncio", 1000), ("uvloop", 600), ("trio", 2000))
        for n in (1, 10, 100)
    ]
    why = "the client started 150 connections/s where 200 were due"
    records += [cell(b, observed={NO_FIGURE: why}, scenario="storm", parameters={"rate": 200}) for b in backends]
    judges = {"answer": outcomes(ANSWERS)}
    run = a_run(*records, judges=judges, headline="answer")
    return with_measured(run, "channel", "storm")


def with_measured(run, *names):
    """Return a run whose scenarios of these names are measured."""
    judges = {f"response {name}": metric("ns") for name in PERCENTILES} | {NO_FIGURE: info()}
    cards = tuple(
        replace(card, judges=judges, headline="response p90") if card.name in names else card
        for card in run.started.scenarios
    )
    return replace(run, started=replace(run.started, scenarios=cards))


def rows_of(page):
    """Return the rows that are listed."""
    return [line.get_attribute("data-scenario") for line in page.locator("tr.line").all() if line.is_visible()]


def ask(page, words):
    """Type into the search."""
    page.locator("#search").fill(words)
    return rows_of(page)


# --- ten questions ---


def test_where_does_trio_hang(visit):
    """By a search, in a reader's words or in few."""
    page = visit(a_matrix())
    assert ask(page, "where does trio hang?") == ["q.stuck"]
    assert ask(page, "trio hang") == ["q.stuck"]
    assert ask(page, "asyncio hang") == []
    assert page.url.endswith("#q=asyncio+hang")


def test_one_runtime_against_another(visit):
    """By one click; only rows in which the two differ, with both answers."""
    page = visit(a_matrix())
    page.get_by_role("link", name="asyncio × uvloop").click()
    rows = rows_of(page)
    assert rows[:1] == ["q.late"]
    assert "q.lost" not in rows
    squares = page.locator("tr.line").first.locator("td")
    assert [square.inner_text().split()[-1] for square in squares.all()] == ["kept", "late"]


@pytest.mark.slow
def test_which_is_the_fastest_for_channels(visit):
    """A figure that ranks nothing is named as such."""
    page = visit(a_matrix())
    assert set(ask(page, "fastest for channels")) == {"channel"}
    answer = page.locator(".answer").inner_text()
    assert answer.startswith("best figure: uvloop in 3 of 3 rows")
    assert "without an interval ranks nothing" in answer


@pytest.mark.slow
def test_what_is_not_measured(visit):
    """With the reason in numbers."""
    page = visit(a_matrix())
    page.get_by_role("link", name="not measured 1", exact=True).click()
    assert rows_of(page) == ["storm"]
    assert "150 connections/s where 200 were due" in page.locator("tr.line").inner_text()


@pytest.mark.slow
def test_which_differences_can_hurt(visit):
    """Lost data and hangs, not a difference of taste."""
    page = visit(a_matrix())
    page.get_by_role("link", name="can hurt 2").click()
    assert rows_of(page) == ["q.lost", "q.stuck"]


@pytest.mark.slow
def test_how_did_latency_spread(visit):
    """As charts with words beside them."""
    page = visit(a_matrix())
    page.get_by_role("link", name="latency spread 3").click()
    charts = page.locator("#results [role=img]")
    assert charts.count() == 3
    assert "uvloop: p50 600 ns" in charts.first.get_attribute("aria-label")


@pytest.mark.slow
def test_what_happened_in_this_cell_over_time(visit):
    """Two clicks: the square of the map, then the row."""
    page = visit(a_matrix())
    page.get_by_role("link", name="q on trio").click()
    page.get_by_role("button", name="q.stuck").click()
    lanes = page.locator("figure", has_text="trio: steps over time")
    assert lanes.locator("circle.first").count() == 1
    assert lanes.locator("figcaption").inner_text() == "trio: steps over time, ≠ is the first difference"


@pytest.mark.slow
def test_how_does_cost_grow_with_n(visit):
    """A line for each runtime over the sizes that were run."""
    page = visit(a_matrix())
    page.get_by_role("link", name="cost over N 1").click()
    chart = page.locator("#results figure").first
    assert "channel by capacity" in chart.inner_text()
    assert chart.locator("polyline").count() == 3


@pytest.mark.slow
def test_what_changed_since_the_last_run(visit):
    """Where it was rendered with the run before."""
    page = visit(a_matrix())
    ask(page, "what changed since the last run")
    assert page.locator(".changes tbody tr").inner_text().split("\t") == list(CHANGES[0][:3])


@pytest.mark.slow
def test_what_do_i_have_to_know_about_a_runtime(visit):
    """The name in the head of the map leads to it: what hurts first, then its rows."""
    page = visit(a_matrix())
    page.locator(".heat thead a", has_text="trio").first.click()
    about = page.locator(".runtime")
    assert about.get_by_role("heading").inner_text() == "Before you use trio"
    assert [line.inner_text() for line in about.locator("li").all()][:2] == [
        "loses or mixes data in 1 row: q.lost",
        "hangs in 1 row: q.stuck",
    ]


@pytest.mark.slow
def test_which_runtime_for_a_program(visit):
    """Two clicks: the advice, a feature. No-go's first; a figure without an interval ranks nothing."""
    page = visit(a_matrix())
    page.get_by_role("link", name="choose a runtime").click()
    page.locator("#results .chips").get_by_role("link", name="q", exact=True).click()
    advised = page.locator("#results .runtime")
    assert [heading.inner_text() for heading in advised.get_by_role("heading").all()] == [
        "asyncio: no no-go among the features in use",
        "uvloop: no no-go among the features in use",
        "trio: 2 no-gos",
    ]
    lines = [line.inner_text() for line in advised.nth(2).locator("li").all()]
    assert lines[:2] == ["loses or mixes data: q.lost: lost", "hangs: q.stuck"]
    page.locator("#results .chips").get_by_role("link", name="channel", exact=True).click()
    assert "3 figures without an interval: no ranking" in advised.first.inner_text()
    assert page.url.endswith("#q=advice+q+channel")


@pytest.mark.slow
def test_a_search_without_a_row_is_an_answer(visit):
    """Where each word was understood."""
    page = visit(a_matrix())
    assert ask(page, "where does asyncio crash?") == []
    assert "no: in none of 8 rows of this run" in page.locator("#results").inner_text()


@pytest.mark.slow
def test_a_cell_without_steps_says_so(visit):
    """Where others took some: there is nothing to draw."""
    cells = [cell("asyncio", *steps(reader="wait wake")), cell("uvloop", *steps(reader="wait wake")), cell("trio")]
    page = visit(a_run(*cells), "#q=drain")
    page.get_by_role("button", name="drain").click()
    assert page.get_by_text("trio: no step was taken").is_visible()
    assert page.locator("figure", has_text="steps over time").count() == 1


# --- the first screen ---


@pytest.mark.slow
def test_before_a_click_it_is_small(visit):
    """For 250 rows on five runtimes: at most 4,000 nodes and two screens."""
    backends = ("asyncio", "uvloop", "trio", "curio", "threads")
    cells = [cell(b, observed={"answer": "kept"}, scenario=f"a{n // 10}.q{n}") for n in range(250) for b in backends]
    page = visit(a_run(*cells, judges={"answer": outcomes(ANSWERS)}, headline="answer"), viewport=SCREEN)
    assert page.evaluate("document.querySelectorAll('*').length") <= 4_000
    assert page.evaluate("document.documentElement.scrollHeight") <= 2 * SCREEN["height"]


@pytest.mark.slow
def test_the_first_screen_needs_no_script(visit):
    """Verdict, maps and findings are there; what is drawn by a script is named with the command that shows it."""
    page = visit(a_matrix(), java_script_enabled=False)
    text = page.locator("body").inner_text()
    assert "unexpected findings" in text
    assert "behaviour by area" in text
    assert "harness show r1" in text
    assert not page.locator("#search").is_visible()


@pytest.mark.slow
def test_a_fragment_opens_its_cell(visit):
    """When it is part of the address that somebody sent."""
    run = everything()
    row = next(row for row in compare(run).rows if dict(row.row.parameters).get("rate") == 1000)
    anchor = cell_anchor(row.row, "uvloop")
    page = visit(run, f"#{anchor}")
    assert page.locator(f"id={anchor}").get_by_text("no progress for 10.1 s").first.is_visible()


@pytest.mark.slow
def test_a_row_is_opened_with_the_keyboard_and_the_address_leads_back(visit):
    """To the search, and to the row."""
    page = visit(a_matrix(), "#q=stuck")
    page.get_by_role("button", name="q.stuck").focus()
    page.keyboard.press("Enter")
    (row,) = (row.row for row in compare(a_matrix()).rows if row.row.scenario == "q.stuck")
    assert page.url.endswith(f"#q=stuck&open={row_anchor(row)}")
    again = visit(a_matrix(), page.url[page.url.index("#") :])
    assert again.get_by_role("heading", name="Cells").is_visible()


@pytest.mark.slow
def test_a_reader_goes_back(visit):
    """Each search that is a link is a place in the history."""
    page = visit(a_matrix())
    page.get_by_role("link", name="can hurt 2").click()
    page.get_by_role("link", name="latency spread").click()
    page.go_back()
    assert rows_of(page) == ["q.lost", "q.stuck"]
    assert page.locator("#search").input_value() == "differences can hurt"


PLACES = ("", "#q=trio", "#q=advice+q+channel", "#q=latency", "#q=growth", "#q=changes", "#q=stuck&open={row}")
SCREEN = {"width": 1280, "height": 900}


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
def test_nothing_is_wider_than_a_phone(visit, place):
    """What is wide scrolls in a frame of its own."""
    page = visit(a_matrix(), _filled(place), viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_has_no_accessibility_findings(visit, scheme, width):
    """By axe-core, on the first screen and in every view, with everything opened."""
    for place in PLACES:
        page = visit(a_matrix(), _filled(place), viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.evaluate("document.querySelectorAll('details').forEach((box) => { box.open = true; })")
        violations = axe.Axe().run(page).response["violations"]
        assert [(found["id"], found["nodes"][0]["html"]) for found in violations] == [], place


def _filled(place):
    (row,) = (row.row for row in compare(a_matrix()).rows if row.row.scenario == "q.stuck")
    return place.format(row=row_anchor(row))


@pytest.mark.slow
def test_hostile_text_does_nothing(visit):
    """No dialog, no request, no error: the fixture looks."""
    page = visit(hostile(EVIL), "#q=differs")
    for button in page.locator("tr.line button").all():
        button.click()
    assert EVIL[:30] in page.locator("body").inner_text()


@pytest.mark.slow
def test_paper_has_the_summary_and_no_tools(visit):
    """As it prints."""
    page = visit(a_matrix())
    page.emulate_media(media="print")
    assert not page.locator(".tools").is_visible()
    assert page.locator(".heat").first.is_visible()
