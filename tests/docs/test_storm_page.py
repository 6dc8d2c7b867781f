"""The page on the storm says what the storm declares."""

from pathlib import Path

from harness_scenarios.storm.limits import STALL_SECONDS
from harness_scenarios.storm.posix import HostLimits
from harness_scenarios.storm.saturation import SearchEnd
from harness_scenarios.storm.scenario import storm

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "storm.md").read_text()


def rows_of(first: str) -> list[list[str]]:
    """Return the rows of the table whose first heading is this."""
    lines = PAGE.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first} |")) + 2
    end = next(number for number in range(start, len(lines)) if not lines[number].startswith("|"))
    return [[word.strip() for word in line.strip("|").split("|")] for line in lines[start:end]]


def test_every_parameter_is_there_with_its_default():
    """In the order of the declaration, and no other."""
    said = {row[0].strip("`"): row[1].strip("`") for row in rows_of("parameter")}
    assert said == {parameter.name: str(parameter.default) for parameter in storm.parameters}


def test_every_judgement_of_the_generator_is_there():
    """And no other."""
    assert {row[0].strip("`") for row in rows_of("`generator`")} == set(storm.judges["generator"].grades)


def test_every_end_of_a_search_is_there():
    """And no other."""
    assert [row[0].strip("`") for row in rows_of("`search ended`")] == [end.value for end in SearchEnd]
    assert set(storm.judges["search ended"].grades) == {end.value for end in SearchEnd}


def test_everything_that_explains_connections_without_an_answer_is_there():
    """In the order in which a finding shows it."""
    assert [row[0].strip("`") for row in rows_of("key")] == list(storm.judges["connections timed out"].explained_by)


def test_numbers_of_the_limits():
    """The stall, and the minute of a port."""
    assert f"{STALL_SECONDS:g} s are the stall" in PAGE
    assert HostLimits().port_seconds == 60
