"""The sample reports are whole, small enough to be sent, and of the formats that there are."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from harness_reports.json_report import FORMAT

EXAMPLES = Path(__file__).parents[2] / "reports" / "examples"


def text_of(name):
    return (EXAMPLES / name).read_text(encoding="utf-8")


def test_every_sample_is_in_the_list_and_no_other():
    """The table of the page names the files."""
    listed = re.findall(r"^\| `([^`]+)` \|", text_of("README.md"), re.MULTILINE)
    assert sorted([*listed, "README.md"]) == sorted(path.name for path in EXAMPLES.iterdir())


def test_the_page_of_a_default_matrix_has_at_most_3_mb():
    """So that it can be sent."""
    assert len(text_of("report.html").encode()) <= 3_000_000


def test_the_json_report_is_of_a_few_cells():
    """Each new sample is kept for ever in the repository, and a whole run has megabytes of observations."""
    assert len(text_of("report.json").encode()) <= 500_000


def test_all_are_of_the_same_run():
    """One command makes them all."""
    document = json.loads(text_of("report.json"))
    run = document["run"]["run_id"]
    assert document["format"] == FORMAT
    assert document["complete"]
    assert document["run"]["request"]["preset"] == "default"
    assert ET.fromstring(text_of("report.junit.xml")).get("name") == f"harness {run}"
    for name in ("report.html", "report.md", "report.txt"):
        assert run in text_of(name)


@pytest.mark.parametrize("name", ["issue.md", "report.md", "report.html", "report.junit.xml"])
def test_what_is_pasted_elsewhere_has_no_paths_of_this_machine(name):
    """Not even those of a container."""
    assert re.findall(r"(?<![\w:/.\-])/(?:home|root|tmp|Users|work)/", text_of(name)) == []
