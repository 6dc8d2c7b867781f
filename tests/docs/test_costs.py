"""What `docs/reference/costs.md` says of an adapter stands beside the ratios."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.plugins import Plugins

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "costs.md"
ROW = re.compile(
    r"^\| (?P<scenario>[\w-]+) \| (?P<backend>\w+) \| [^|]*, [^|]* \| [\d,]+ \| [\d,]+ \| "
    r"(?P<ratio>[\d.]+) \| (?P<low>[\d.]+)–(?P<high>[\d.]+) \|",
    re.MULTILINE,
)
GOAL = 1.03
ROWS = [
    (found["backend"], found["scenario"], *(float(found[part]) for part in ("ratio", "low", "high")))
    for found in ROW.finditer(PAGE.read_text(encoding="utf-8").partition("## Transparency")[2])
]


def test_every_pair_is_on_the_page():
    """Five scenarios on five backends."""
    assert len(ROWS) == 25


@pytest.mark.parametrize(("backend", "scenario", "ratio", "low", "high"), ROWS)
def test_what_an_adapter_costs_is_said_beside_its_ratios(backend, scenario, ratio, low, high):
    """Where it is more than a few per cent and no chance, with the figure of the page; elsewhere nothing is."""
    said = Plugins().catalogue().backend(backend).costs.get(scenario)
    if 1 / GOAL <= ratio <= GOAL or low <= 1 <= high:
        assert said is None
    else:
        assert said is not None
        assert abs(float(said.partition(" ")[0]) - ratio) <= 0.0051
