"""The sample reports are small, of one run, and without details of a private machine."""

import re
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "reports" / "examples"


def text_of(name):
    return (EXAMPLES / name).read_text(encoding="utf-8")


def test_every_sample_is_in_the_list_and_no_other():
    """The table of the page names the files."""
    listed = re.findall(r"^\| `([^`]+)` \|", text_of("README.md"), re.MULTILINE)
    assert sorted([*listed, "README.md"]) == sorted(path.name for path in EXAMPLES.iterdir())


def test_the_samples_are_small():
    """Each new sample is kept for ever in the repository."""
    assert len(text_of("report.html").encode()) <= 1_000_000
    assert len(text_of("report.txt").encode()) <= 20_000


def test_both_are_of_the_same_run():
    """One command makes them."""
    (run,) = set(re.findall(r"\b20\d{6}-\d{6}-[0-9a-f]{4}\b", text_of("report.txt")))
    assert run in text_of("report.html")


@pytest.mark.parametrize("name", ["report.html", "report.txt"])
def test_samples_have_no_paths_of_this_machine(name):
    """Not even those of a container."""
    assert re.findall(r"(?<![\w:/.\-])/(?:home|root|tmp|Users|work)/", text_of(name)) == []
