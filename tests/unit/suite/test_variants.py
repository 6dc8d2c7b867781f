"""Variants of a test for several runtimes are one row."""

from types import SimpleNamespace

import pytest

from harness.suite.variants import Variants


def item(name, **params):
    """Return an item as pytest has it."""
    values = "-".join(value[0] if isinstance(value, tuple) else value for value in params.values())
    return SimpleNamespace(nodeid=f"{name}[{values}]", callspec=SimpleNamespace(params=params, id=values))


@pytest.mark.parametrize(
    ("params", "row", "is_asked"),
    [
        ({"anyio_backend": "asyncio"}, "t", True),
        ({"anyio_backend": "trio"}, "t", False),
        ({"x": "1", "anyio_backend": ("trio", {})}, "t[1]", False),
        ({"anyio_backend": "curio"}, "t[curio]", True),
        ({"x": "trio", "anyio_backend": "trio"}, "t[trio-trio]", True),
        ({"x": "asyncio"}, "t[asyncio]", True),
    ],
    ids=["own", "other", "with another parameter", "of no column", "ambiguous", "of another fixture"],
)
def test_a_variant_is_named_without_its_backend(params, row, is_asked):
    """Each column runs its own variant; a variant without one certain backend stays a row."""
    assert Variants("asyncio", ("asyncio", "trio")).name(item("t", **params)) == (row, is_asked)


def test_without_columns_of_several_runtimes_each_variant_is_a_row():
    """As in the suite itself."""
    assert Variants("asyncio", ()).name(item("t", anyio_backend="trio")) == ("t[trio]", True)
    assert Variants("asyncio", ()).name(SimpleNamespace(nodeid="t")) == ("t", True)
