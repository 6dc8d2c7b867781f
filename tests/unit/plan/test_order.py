"""Who comes when in a round."""

from collections import Counter
from itertools import pairwise

import pytest

from harness.model import BackendSpec, Cell, RoleBackend
from harness.plan.order import arrange, by_family, longest_first, make_squares

SIZES = range(1, 10)


@pytest.mark.parametrize("size", SIZES)
def test_each_square_is_latin(size):
    """Each number is once in each row and once in each column."""
    for square in make_squares(size):
        for line in (*square, *zip(*square, strict=True)):
            assert sorted(line) == list(range(size))


@pytest.mark.parametrize("size", SIZES)
def test_each_comes_after_each_other_one_equally_often(size):
    """Once in the square of an even number, twice in the two of an odd one; nothing comes after itself."""
    squares = make_squares(size)
    assert len(squares) == (2 if size % 2 and size > 1 else 1)
    after = Counter(pair for square in squares for row in square for pair in pairwise(row))
    assert after == {(a, b): len(squares) for a in range(size) for b in range(size) if a != b}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", ["0/pipe", "1/pipe", "0/shout"])
def test_rounds_are_balanced(size, seed):
    """In every run through the design, and places in every part of it that has as many rounds as items."""
    items, whole = "abcdefghi"[:size], size * len(make_squares(size))
    rounds = [arrange(items, number, seed) for number in range(1, 3 * whole + 1)]
    for start in range(0, 3 * whole, size):
        places = Counter(place for row in rounds[start : start + size] for place in enumerate(row))
        assert set(places.values()) == {1}
    for start in range(0, 3 * whole, whole):
        after = Counter(pair for row in rounds[start : start + whole] for pair in pairwise(row))
        assert len(after) == size * (size - 1)
        assert len(set(after.values())) <= 1


def test_the_order_follows_from_the_seed():
    """Another seed has other rows and other labels; a round needs none of the rounds before it."""
    rounds = {seed: [arrange("abcd", number, seed) for number in range(1, 9)] for seed in "xyz"}
    assert rounds["x"] == [arrange("abcd", number, "x") for number in range(1, 9)]
    assert len(set(map(tuple, rounds.values()))) == 3
    assert rounds["x"][:4] != rounds["x"][4:], "drawn anew when it has been gone through"


def test_over_seeds_nobody_is_favoured():
    """Each of the orders in which three can stand comes first in some run, and none in most of them."""
    first = Counter(arrange("abc", 1, str(seed)) for seed in range(600))
    assert len(first) == 6
    assert max(first.values()) < 200


@pytest.mark.parametrize(("items", "orders"), [("", {()}), ("a", {("a",)}), ("ab", {("a", "b"), ("b", "a")})])
def test_few_items(items, orders):
    """Nobody, one, or two that take turns."""
    assert {arrange(items, number, "s") for number in (1, 2)} == orders


def cells_of(*scenarios, rounds=1):
    """Return the cells of two backends for each scenario, in each round."""
    return tuple(
        Cell(scenario=name, roles=(RoleBackend("main", BackendSpec(backend)),), round=number)
        for number in range(1, rounds + 1)
        for name in scenarios
        for backend in ("a", "b")
    )


def test_each_family_is_asked_early():
    """In each round the first row of every family comes before the second of any; a row keeps its cells together."""
    planned = cells_of("close.one", "close.two", "sink", "close.three", "lock.one", rounds=2)
    ordered = by_family(planned)
    assert [cell.scenario for cell in ordered if cell.round == 1][::2] == [
        *("close.one", "sink", "lock.one"),
        *("close.two", "close.three"),
    ]
    assert [cell.roles[0].backend.name for cell in ordered] == ["a", "b"] * 10
    assert [cell.round for cell in ordered] == [1] * 10 + [2] * 10


def test_the_longest_come_first():
    """Equal ones keep their order."""
    seconds = {"short": 1.0, "long": 9.0}
    ordered = longest_first(cells_of("short", "long"), lambda cell: seconds[cell.scenario])
    assert [(cell.scenario, cell.label) for cell in ordered] == [
        *(("long", "a"), ("long", "b")),
        *(("short", "a"), ("short", "b")),
    ]
