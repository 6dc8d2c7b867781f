"""What is known of a loop can be read and says why."""

import tomllib
from importlib.resources import files

import pytest
from harness.model import Expectation
from harness.plugins import Plugins
from harness.testing.clauses import CLAUSES

from harness_loops.plugin import harness_expected_divergences

KNOWN = tomllib.loads((files("harness_loops") / "rloop.toml").read_text())
TABLES = KNOWN["expected"]


@pytest.mark.parametrize("number", range(len(TABLES)))
def test_an_entry(number: int) -> None:
    """It is valid, is about the loop, and says why."""
    expectation = Expectation(**TABLES[number])
    assert expectation.backends == ["asyncio:loop=rloop"]
    assert expectation.reason != ""


def test_every_entry_is_about_a_scenario_that_there_is() -> None:
    """A name that was changed would be expected for ever and never seen."""
    from fnmatch import fnmatch

    names = Plugins().catalogue().scenarios
    patterns = {table["scenario"] for table in TABLES}
    assert {pattern for pattern in patterns if not any(fnmatch(name, pattern) for name in names)} == set()


def test_every_breach_is_of_a_clause_that_there_is() -> None:
    """One that was renamed would excuse nothing."""
    asked = {clause.name for clause in CLAUSES} | {"a run leaves nothing behind"}
    breaches = [breach["clause"] for breach in KNOWN["breach"]]
    assert set(breaches) <= asked
    assert len(breaches) == len(set(breaches))


def test_no_entry_is_there_twice() -> None:
    """Each says something else."""
    said = [
        str(sorted((key, str(value)) for key, value in t.items() if key not in ("reason", "reference"))) for t in TABLES
    ]
    assert len(said) == len(set(said))


def test_the_files_are_those_of_the_plugin() -> None:
    """The hook brings them."""
    assert [file.name for file in harness_expected_divergences()] == ["rloop.toml"]
