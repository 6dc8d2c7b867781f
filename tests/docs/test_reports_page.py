"""The page about report formats says what there is."""

import re
from pathlib import Path

from harness_reports.plugin import harness_renderers

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "reports.md"


def test_every_format_is_there_with_its_suffix():
    """And no other."""
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| `([^`]+)` \|", PAGE.read_text(), re.MULTILINE))
    assert rows == {renderer.name: renderer.suffix for renderer in harness_renderers()}
