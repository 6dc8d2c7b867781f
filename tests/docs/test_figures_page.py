"""The page about figures says what is there."""

import re
from pathlib import Path

import pytest

from harness.model import LEAST_ROUNDS, MOST_DELAY, Resources
from harness.plugins import Plugins
from harness.session.calibration import LEAST_SECONDS, MOST_SECONDS, MOST_SPREAD

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "figures.md").read_text()


def test_everything_that_a_role_says_it_took_is_explained():
    """And nothing else."""
    (table,) = re.findall(r"## Resource usage\n(.*?)\n## ", PAGE, re.DOTALL)
    names = [
        name for line in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", line)
    ]
    assert names == list(Resources.__struct_fields__)


def test_the_scenarios_whose_cells_may_be_repeated_are_named():
    """With the limit."""
    (named,) = re.findall(r"\(`cpu_bound`: (.*?)\)", PAGE)
    scenarios = Plugins().catalogue().scenarios.values()
    assert re.findall(r"`(.*?)`", named) == sorted(scenario.name for scenario in scenarios if scenario.cpu_bound)
    assert f"more than {MOST_DELAY * 100:g} % of its time" in PAGE


@pytest.mark.parametrize("scenario", [s for s in Plugins().catalogue().scenarios.values() if s.cpu_bound])
def test_what_computes_on_one_thread_has_one_role(scenario):
    """Roles wait for each other; and what may run beside others measures nothing."""
    assert len(scenario.roles) == 1
    assert not scenario.side_by_side


def test_the_parameters_that_say_how_much_work_is_done_are_named():
    """Each is one of its scenario, and a whole number; with the bounds of a value."""
    (named,) = re.findall(r"never how many at once \((.*?)\)", PAGE)
    scenarios = {s.name: s for s in Plugins().catalogue().scenarios.values() if s.work}
    assert re.findall(r"`(.*?)`: `(.*?)`", named) == sorted((name, s.work) for name, s in scenarios.items())
    for scenario in scenarios.values():
        (scale,) = (known for known in scenario.parameters if known.name == scenario.work)
        assert isinstance(scale.default, int)
    assert f"takes {LEAST_SECONDS * 1000:g} ms and the slowest one's a second at most" in PAGE
    assert MOST_SECONDS == 1
    assert f"more than {MOST_SPREAD:g} times as long" in PAGE
    assert f"`--rounds {LEAST_ROUNDS}` or more" in PAGE
