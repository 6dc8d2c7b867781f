"""The page in a real browser, driven as a reader does: `pytest -m slow`, with the extra `browser` and a Chromium."""

import os
import shutil

import pytest

from harness.api import exact
from harness.compare import compare
from harness_reports.html_report.anchors import cell_anchor
from harness_reports.html_report.page import render_html

from ..compare.run_builder import a_run, cell
from .hostile_runs import EVIL, hostile
from .sample_runs import everything, show

playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra `browser`")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs the extra `browser`")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

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
        file.write_text(show(render_html, run))
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


def mixed():
    """Return a run with a row in which all agree, and rows in which they do not."""
    same = [cell(name, scenario="same", observed={"end": 1}) for name in ("asyncio", "trio")]
    other = [cell(name, scenario="other", observed={"end": name}) for name in ("asyncio", "trio")]
    return a_run(*same, *other, judges={"end": exact()}, headline="end")


def visible_rows(page):
    return [
        row.get_attribute("data-scenario")
        for row in page.locator(".matrix tr[data-scenario]").all()
        if row.is_visible()
    ]


def test_only_where_they_differ(visit):
    """The filter leaves out rows and sections in which all agree, and says how many are left."""
    page = visit(mixed())
    assert visible_rows(page) == ["same", "other"]
    page.get_by_label("only where they differ").check()
    assert visible_rows(page) == ["other"]
    assert page.locator("#shown").inner_text() == "1 of 2 rows"
    assert not page.locator("section.scenario", has_text="same").first.is_visible()


def test_the_filter_works_without_script(visit):
    """It is a rule of the style sheet."""
    page = visit(mixed(), java_script_enabled=False)
    page.get_by_label("only where they differ").check()
    assert visible_rows(page) == ["other"]


def test_search(visit):
    """For a scenario, a parameter, an answer."""
    page = visit(mixed())
    page.locator("#search").fill("sam")
    assert visible_rows(page) == ["same"]


@pytest.mark.parametrize("script", [True, False])
def test_a_fragment_opens_its_cell(visit, script):
    """Also when it is part of the address that somebody sent, and without script."""
    run = everything()
    row = next(row for row in compare(run).rows if dict(row.row.parameters).get("rate") == 1000)
    anchor = cell_anchor(row.row, "uvloop")
    page = visit(run, f"#{anchor}", java_script_enabled=script)
    assert page.locator(f"id={anchor}").get_by_text("no progress for 10.1 s").first.is_visible()


def test_a_square_is_reached_and_opened_with_the_keyboard(visit):
    """And the address then names the cell."""
    page = visit(everything())
    square = page.locator(".matrix a.square").first
    square.focus()
    page.keyboard.press("Enter")
    anchor = square.get_attribute("href")[1:]
    assert page.url.endswith(f"#{anchor}")
    assert page.locator(f"id={anchor}").is_visible()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_opening_a_cell_puts_its_fragment_into_the_address(visit):
    """What a reader copies from there leads back to it."""
    page = visit(everything())
    page.locator("details.box > summary", has_text="cells").first.click()
    box = page.locator("details.cell").first
    box.locator("summary").click()
    page.wait_for_url("**#" + box.get_attribute("data-anchor"), timeout=5_000)


def test_tables_are_sorted_by_their_figures(visit):
    """Not by the text; empty ones last, in both directions."""
    page = visit(everything())
    head = page.locator(".matrix thead th", has_text="trio")
    head.get_by_role("button").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    figures = page.locator("details.box table.sortable").first
    figures.locator("xpath=ancestor::details[1]").locator("summary").first.click()
    column = figures.locator("thead th", has_text="figure")
    column.get_by_role("button").click()
    values = [float(cell.get_attribute("data-order")) for cell in figures.locator("tbody tr td:nth-child(3)").all()]
    assert values == sorted(values)
    column.get_by_role("button").click()
    assert [float(c.get_attribute("data-order")) for c in figures.locator("tbody tr td:nth-child(3)").all()] == values[
        ::-1
    ]


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(visit, width):
    """What is wide scrolls in a frame of its own."""
    page = visit(everything(), viewport={"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_has_no_accessibility_findings(visit, scheme, width):
    """By axe-core, with everything opened."""
    page = visit(everything(), viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((box) => { box.open = true; })")
    violations = axe.Axe().run(page).response["violations"]
    assert [(found["id"], found["nodes"][0]["html"]) for found in violations] == []


def test_hostile_text_does_nothing(visit):
    """No dialog, no request, no error: the fixture looks."""
    page = visit(hostile(EVIL))
    assert EVIL[:30] in page.locator("body").inner_text()


def test_paper_has_no_tools_and_what_differs_is_open(visit):
    """As it prints."""
    page = visit(everything())
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert not page.locator(".tools").is_visible()
    assert page.locator("details.print:not([open])").count() == 0
