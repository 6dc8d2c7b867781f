"""The documentation site: every page is in it, it is built without a warning, and its reference is that of the code."""

import inspect
import os
import re
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness import api
from harness.api import judges, runtime
from harness.plugins import Plugins
from harness.testing.clauses import CLAUSES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
NAVIGATION = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]


def test_every_page_is_in_the_navigation():
    """Once, and no other."""
    listed = re.findall(r"[\w./-]+\.md", NAVIGATION)
    assert sorted(listed) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def test_the_site_is_built_without_a_warning(tmp_path):
    """The generator is strict: links that lead nowhere, pages that are not listed, docstrings that it cannot read."""
    missing = [name for name in ("mkdocs", "material", "mkdocstrings") if find_spec(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (pip install '.[docs]')")
    done = subprocess.run(
        (sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)),
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    page = (tmp_path / "reference" / "runtime-contract" / "index.html").read_text()
    names = [name for name, _ in inspect.getmembers(runtime.Runtime, inspect.isfunction) if name[0] != "_"]
    assert len(names) > 20
    assert [name for name in names if f"harness.api.runtime.Runtime.{name}" not in page] == []
    assert (tmp_path / "reference" / "questions" / "cancel.shielded-call" / "index.html").exists()


def test_every_question_has_a_page():
    """With its contract, each possible answer, and its code; the list leads to each."""
    maker = runpy.run_path(str(DOCS / "question_pages.py"))
    pages, listed = maker["make_pages"](), maker["make_list"]()
    scenarios = Plugins().catalogue().scenarios
    assert set(pages) == set(scenarios)
    for name, scenario in scenarios.items():
        page = pages[name]
        assert f"(questions/{name}.md)" in listed
        assert [sentence for sentence in scenario.contract if sentence not in page] == []
        assert "async def " in page
    assert "run_shielded(protected)" in pages["cancel.shielded-call"]
    assert "| the work is cancelled | forbidden |" in pages["cancel.shielded-call"]


def test_every_promise_of_the_contract_is_asked_for():
    """Each operation that promises something has a clause that is about it, so the page and the check say the same."""
    about = {clause.of for clause in CLAUSES}
    promising = {
        f"{owner.__name__}.{name}"
        for owner in vars(runtime).values()
        if inspect.isclass(owner) and owner.__module__ == runtime.__name__
        for name, member in vars(owner).items()
        if not name.startswith("_") and "Contract:" in (inspect.getdoc(member) or "")
    }
    assert len(promising) > 20
    assert promising - about == set()


def rows_of(page: str, first: str) -> dict[str, str]:
    """Return the first two columns of the table with this heading."""
    text = (DOCS / page).read_text()
    (block,) = re.findall(rf"^\| {first} \|.*\n\|[- |]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    rows = [[cell.strip(" `") for cell in line.strip("|").split(" | ")] for line in block.splitlines()]
    return {row[0]: row[1] for row in rows}


def test_every_judge_and_grade_is_in_the_page():
    """With the function that makes it, and no other."""
    judged = rows_of("reference/judges.md", "judge")
    assert set(judged) == {kind.__name__ for kind in judges.Judge.__args__}
    assert [name for name, made_by in judged.items() if type(getattr(api, made_by)).__name__ != "function"] == []
    assert {made_by.lower() for made_by in judged.values()} == {name.lower() for name in judged}
    grades = rows_of("reference/judges.md", "grade")
    assert set(grades) == {grade.value for grade in judges.Grade}
    assert [name for name, made_by in grades.items() if getattr(api, made_by)().grade.value != name] == []


def test_the_example_of_judges_can_be_run():
    """It imports what there is."""
    (example,) = re.findall(r"```python\n(.*?)```", (DOCS / "reference" / "judges.md").read_text(), re.DOTALL)
    names = {}
    exec(example, names)
    assert [key for key, judge in names["JUDGES"].items() if not isinstance(judge, judges.Judge)] == []


def test_every_schema_is_in_the_page():
    """And no other."""
    schemas = {path.name for path in (DOCS / "reference" / "schemas").iterdir()}
    assert set(rows_of("reference/schemas.md", "schema")) == schemas
