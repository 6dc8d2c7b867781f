"""`harness publish`: a site of several runs that works from a file."""

import json
import re

from harness.api import Harm, allowed, forbidden, metric, outcomes
from harness.cli.exits import Exit

from ..compare.run_builder import cell
from .stored_runs import store
from .test_stored_runs_asked import name_of, store_runs

EVIL = "</script><img src=x onerror=alert(1)>"


def test_a_site_has_runs_trends_and_runtimes(harness, tmp_path):
    """Each link leads to a file of the site; nothing is asked of a network."""
    store_runs(12, step=6)
    code, out, _ = harness("publish", "site")
    assert code == 0
    assert "12 runs in site" in out
    site = tmp_path / "site"
    pages = {path.relative_to(site).as_posix(): path.read_text() for path in site.rglob("*.html")}
    assert {"index.html", "trends.html", "runtime-trio.html", f"runs/{name_of(11)}.html"} <= set(pages)
    for name in ("index.html", "trends.html", "runtime-trio.html"):
        links = [link.partition("#")[0] for link in re.findall(r'href="([^"#]+)', pages[name])]
        assert [link for link in links if link not in pages and link != "data:,"] == []
        assert not re.search(r'(src|href)="(https?:)?//', pages[name])
    assert f"\xd71.10 (worse) from {name_of(6)} on" in pages["index.html"]
    assert f"\xd71.10 (worse) from {name_of(6)} on" in pages["trends.html"]


def test_a_page_of_a_runtime_has_its_harms_first(harness, tmp_path):
    """Before the bugs with their reasons."""
    judges = {"answer": outcomes({"kept": allowed(), "lost": forbidden("no item is lost", harm=Harm.DATA)})}
    cells = [cell("asyncio", observed={"answer": "kept"}), cell("trio", observed={"answer": "lost"})]
    store("r", *cells, judges=judges, headline="answer")
    harness("publish", "site")
    page = (tmp_path / "site" / "runtime-trio.html").read_text()
    assert "Before you use trio" in page
    assert page.index("loses or mixes data in 1 row: drain") < page.index("no item is lost")
    assert "no item is lost" not in (tmp_path / "site" / "runtime-asyncio.html").read_text()


def test_an_unreadable_run_is_listed_and_hostile_text_is_text(harness, tmp_path):
    """A site without a readable run is refused."""
    (tmp_path / ".harness" / "runs" / "20261130-090000-0000").mkdir(parents=True)
    (tmp_path / ".harness" / "runs" / "20261130-090000-0000" / "journal.jsonl").write_text("no journal")
    assert harness("publish", "site")[0] == Exit.NOTHING_SELECTED
    for number in range(2):
        store(
            name_of(number),
            cell("trio", observed={"took": 5}, parameters={"way": EVIL}),
            judges={"took": metric(EVIL)},
            headline="took",
        )
    assert harness("publish", "site")[0] == 0
    pages = [path.read_text() for path in (tmp_path / "site").glob("*.html")]
    assert all("<img" not in page for page in pages)
    assert any("unreadable" in page for page in pages)
    assert harness("publish", "site", "--run", "nothing*")[0] == Exit.NOTHING_SELECTED


def test_a_trend_over_versions(harness):
    """One line for the versions that several runs had, the range of the runs beside it."""
    store_runs(3)
    out = harness("trend", "drain", "-b", "trio", "--by", "environment")[1]
    assert out.count("python 3.11.7, trio 0.35.0") == 1
    assert "[100, 101.6]" in out
    documents = json.loads(harness("trend", "drain", "-b", "trio", "--by", "environment", "--json")[1])
    assert documents[0]["points"][0]["figures"] == 3
