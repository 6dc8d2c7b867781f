"""The page on what the harness costs has what its benchmarks write, and says how to write it again."""

import re
from pathlib import Path

from benchmarks import costs

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "costs.md").read_text(encoding="utf-8")


def test_the_page_is_what_the_benchmarks_write():
    """Every section is there, in order, and nothing is written beside them."""
    sections = costs.read_sections(PAGE)
    assert list(sections) == list(costs.LONG)
    assert costs.make_page(sections) == PAGE


def test_each_section_says_on_what_machine_and_when():
    """Figures of another machine are not comparable."""
    for text in costs.read_sections(PAGE).values():
        assert re.search(r"^Measured \d{4}-\d\d-\d\d on: .*cores, Python", text, re.MULTILINE)


def test_every_script_that_the_page_names_is_there():
    """And each of them says how it is run."""
    named = set(re.findall(r"`python (benchmarks/\w+\.py)", PAGE))
    assert named == {f"benchmarks/{name}.py" for name in ("costs", *costs.LONG)}
    for path in named:
        assert f"python {path}" in (ROOT / path).read_text(encoding="utf-8")


def test_short_and_long_form_have_the_same_benchmarks():
    """In the same order."""
    assert list(costs.QUICK) == list(costs.LONG)
