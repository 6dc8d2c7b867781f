"""What `--limit` takes."""

import pytest

from harness.model import Request, UsageError, format_limit
from harness.plan import make_plan
from harness.plan.limits import parse_limits


def test_names_and_values():
    """Several in one text or in several; sizes in bytes, with or without the unit spelled out."""
    texts = ("memory=512M,processes=64", "cpu=60", "output=10MiB,fds=256")
    assert parse_limits(texts) == (
        ("cpu", 60),
        ("fds", 256),
        ("memory", 512 << 20),
        ("output", 10 << 20),
        ("processes", 64),
    )
    assert parse_limits(("memory=2g", "output=4096")) == (("memory", 2 << 30), ("output", 4096))
    assert parse_limits(()) == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("memroy=1G", "did you mean 'memory'"),
        ("", "unknown limit ''"),
        ("memory", "a size such as"),
        ("memory=much", "a size such as"),
        ("memory=0", "above 0"),
        ("memory=999999999999999G", "at most"),
        ("processes=1k", "a whole number"),
        ("cpu=60s", "a whole number"),
        ("fds=-1", "a whole number"),
        ("fds=²", "a whole number"),
        ("cpu=1,cpu=2", "given twice"),
    ],
)
def test_what_it_does_not_take(text, complaint):
    """Each mistake is named."""
    with pytest.raises(UsageError, match=complaint):
        parse_limits((text,))


def test_every_cell_has_them():
    """As the user set them; what nobody set is left to the default."""
    from catalogue import catalogue

    made = make_plan(Request(scenarios=("pipe",), preset="quick", limits=("fds=64",)), catalogue())
    assert {cell.limits for cell in made.cells} == {(("fds", 64),)}


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [("memory", 512 << 20, "512 MiB"), ("output", 100, "100 B"), ("cpu", 60, "60 s"), ("fds", 256, "256")],
)
def test_values_have_their_units(name, value, text):
    """As a reason shows them."""
    assert format_limit(name, value) == text
