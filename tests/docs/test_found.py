"""The page "Found here" names every listed difference, of seven kinds of question, that has no public report."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "found" / "README.md").read_text()
SCRIPTS = ROOT / "scenarios" / "harness_scenarios" / "scripts"
KINDS = ("process", "bridge", "server", "end", "drain", "tls", "datagram", "unix", "names", "descriptors")
PUBLIC = re.compile(r"gh-\d|#\d|bpo-\d|github\.com|https?://|PEP \d")
ROWS = re.findall(r"^\| `([\w.-]+)` \| ([^|]+) \|.*\| `([^`]+)` \|$", PAGE, re.MULTILINE)


def test_every_listed_difference_without_a_report_is_in_the_page():
    """With its runtime. Reports of tasks and remains are left out: they follow from an answer of the same question."""
    listed = tomllib.loads((SCRIPTS.parent / "expected.toml").read_text())["expected"]
    unreported = {
        (one["scenario"], backend)
        for one in listed
        if one["scenario"].partition(".")[0] in KINDS and "finding" not in one and not PUBLIC.search(one["reference"])
        for backend in one["backends"]
        if ":" not in backend
    }
    named = {(question, runtime) for question, runtimes, _ in ROWS for runtime in re.findall("[a-z]+", runtimes)}
    assert unreported - named == set()


def test_every_script_of_the_page_exists():
    """Those of questions in the scripts of the scenarios, those of generated programs beside the page."""
    assert len(ROWS) >= 9
    assert [script for _, _, script in ROWS if not (SCRIPTS / script).is_file()] == []
    linked = re.findall(r"\]\(([\w.-]+)\)", PAGE)
    assert [name for name in linked if not (ROOT / "docs" / "found" / name).is_file()] == []
    beside = {path.name for path in (ROOT / "docs" / "found").iterdir()} - {"README.md"}
    assert beside - set(linked) == set()
