"""Orders in which no item is favoured: each comes in each place, and after each other one, equally often.

E. J. Williams, Experimental designs balanced for the estimation of residual effects of treatments, Australian Journal
of Scientific Research A 2 (1949). Effects of a process on the next, such as warm caches or a busy disk, meet all alike.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import TypeVar

from harness.model import Cell, RowId

T = TypeVar("T")
Square = tuple[tuple[int, ...], ...]


@cache
def make_squares(size: int) -> tuple[Square, ...]:
    """Return the Latin squares of a Williams design: one for an even size, two for an odd one.

    In each square every number below `size` is once in each row and in each column. In all rows together each comes
    directly after each other one equally often: once, or twice where there are two squares.
    """
    if size == 0:
        return ()
    # Up and down by turns, 0 1 n-1 2 n-2 …: the steps between neighbours are then all different, if n is even. If it
    # is odd each step comes with one sign only, and the mirrored rows have the other one.
    first = tuple((place + 1) // 2 if place % 2 else -(place // 2) % size for place in range(size))
    square = tuple(tuple((number + shift) % size for number in first) for shift in range(size))
    if size % 2 == 0 or size == 1:
        return (square,)
    return square, tuple(row[::-1] for row in square)


def arrange(items: Sequence[T], round_: int, seed: str) -> tuple[T, ...]:
    """Return items in their order in a round, which counts from 1.

    As many rounds as there are items have each of them in each place once. When the rounds have gone through the
    design, it is drawn anew: the numbering of the items, and the order of its rows, follow from the seed.
    """
    if not items:
        return ()
    squares = make_squares(len(items))
    block, place = divmod(round_ - 1, len(squares) * len(items))
    which, row = divmod(place, len(items))
    drawn = random.Random(f"{seed}/{block}")  # noqa: S311 - an order, not a secret
    named = drawn.sample(items, len(items))
    rows = [drawn.sample(square, len(square)) for square in drawn.sample(squares, len(squares))]
    return tuple(named[number] for number in rows[which][row])


def by_family(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """Return cells so that each family of scenarios is asked early: in each round the first row of each, and so on.

    A row keeps its cells and their order. The family of `close.wakes-reader` is `close`, that of `sink` is `sink`.
    """
    return tuple(cell for *_, cell in sorted(_rank(cells), key=lambda entry: entry[:2]))


def first_rows(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """Return the cells of the first row of each family, in the first round."""
    ranked = list(_rank(cells))
    first = min((number for number, *_ in ranked), default=0)
    return tuple(cell for number, rank, cell in ranked if number == first and rank == 0)


def _rank(cells: Iterable[Cell]) -> Iterator[tuple[int, int, Cell]]:
    """Yield each cell with its round and the place of its row in its family."""
    rows: dict[tuple[int, str], dict[RowId, int]] = defaultdict(dict)
    for cell in cells:
        family = rows[cell.round, cell.scenario.partition(".")[0]]
        yield cell.round, family.setdefault(cell.row, len(family)), cell


def longest_first(cells: Iterable[Cell], seconds: Callable[[Cell], float]) -> tuple[Cell, ...]:
    """Return cells that run side by side in an order in which none is left to run alone at the end."""
    return tuple(sorted(cells, key=lambda cell: -seconds(cell)))
