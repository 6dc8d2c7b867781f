"""The page of limits says what the code does."""

import re
from pathlib import Path

from harness.host import own_limits as limits_posix
from harness.model import DEFAULT_LIMITS, LIMITS, format_limit

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "limits.md").read_text()


def test_each_limit_has_its_default():
    """And no other."""
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$", PAGE.split("## By which")[0], re.MULTILINE)
    stated = {name: default for name, default in rows if name != "fds"}
    assert {name for name, _ in rows} == set(LIMITS)
    assert stated == {name: format_limit(name, value) for name, value in DEFAULT_LIMITS.items()}


def test_the_reserve_of_fds():
    """As many as it is."""
    assert f"keeps {limits_posix._HEADROOM} fds in reserve" in PAGE
