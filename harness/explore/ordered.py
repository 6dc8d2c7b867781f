"""Sets in order of insertion, in the place of a runtime's own.

A set of tasks is iterated in the order of their addresses, which differ from run to run: a program would not do the
same again. Any order is right for a set, so that of insertion is.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, MutableSet
from contextlib import contextmanager
from types import ModuleType
from typing import Any, TypeVar

Item = TypeVar("Item", bound=Hashable)


class OrderedSet(MutableSet[Item]):
    """A set that iterates in insertion order, for the sets of a runtime."""

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self._items = dict.fromkeys(items)

    def __contains__(self, item: object) -> bool:
        return item in self._items

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def add(self, value: Item) -> None:
        """Add an item; one that is there keeps its place."""
        self._items.setdefault(value, None)

    def discard(self, value: Item) -> None:
        """Remove an item, if it is there."""
        self._items.pop(value, None)

    def update(self, *others: Iterable[Item]) -> None:
        """Add the items of others."""
        for other in others:
            self._items.update(dict.fromkeys(other))

    def copy(self) -> OrderedSet[Item]:
        """Return another set with the same items."""
        return OrderedSet(self._items)


@contextmanager
def ordered_sets(*modules: ModuleType) -> Iterator[None]:
    """Have the sets that these modules make meanwhile in order of insertion."""
    for module in modules:
        changed: Any = module
        changed.set = OrderedSet
    try:
        yield
    finally:
        for module in modules:
            del vars(module)["set"]
