"""The table of faults says what is tested, and everything that it says is."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "reference" / "reliability.md").read_text()


def read_rows() -> list[tuple[str, str, str]]:
    """Return fault, what must happen, and test of each row."""
    (block,) = re.findall(r"^\| fault \|.*\n\|[- |]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in block.splitlines()]
    return [(fault, must, test.strip("`")) for fault, must, test in rows]


def functions_of(path: Path) -> dict[str, ast.FunctionDef]:
    """Return the tests of a module by name."""
    nodes = ast.parse(path.read_text()).body
    return {node.name: node for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_there_are_at_least_thirty_faults():
    """Each once."""
    faults = [fault for fault, _, _ in read_rows()]
    assert len(faults) >= 30
    assert len(set(faults)) == len(faults)


@pytest.mark.parametrize(("fault", "must", "test"), read_rows())
def test_every_row_has_a_test_that_exists(fault, must, test):
    """And says what must happen; the test has a docstring and is not skipped outright."""
    name, _, function = test.partition("::")
    found = functions_of(TESTS / name)[function]
    assert must
    assert ast.get_docstring(found), fault
    assert not [mark for mark in map(ast.unparse, found.decorator_list) if mark.startswith("pytest.mark.skip(")]


def test_every_reliability_test_is_in_the_table():
    """A fault that is tested is told; checks of the checks are not faults."""
    told = {test for _, _, test in read_rows()}
    written = {
        f"reliability/{path.name}::{name}"
        for path in (TESTS / "reliability").glob("test_*.py")
        for name in functions_of(path)
    }
    assert sorted(written - told) == []
