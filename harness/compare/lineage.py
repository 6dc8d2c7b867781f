"""Which backends an expectation is about: those that it names, their variants, and backends derived from them.

A variant is the same backend with more options, so `asyncio` also means `asyncio:io=sock` and
`asyncio:loop=thatmodule:Loop`. A backend that declares `derives_from` inherits the known differences of its base.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from harness.model import BackendCard, BackendSpec, matches_glob

from .rows import CellFacts

matches = lru_cache(maxsize=4096)(matches_glob)
"""Every expectation is matched against every square of a run; there are few names."""


class Lineage:
    """The families of the backends of a run.

    Args:
        cards: of its backends.
    """

    def __init__(self, cards: Sequence[BackendCard]) -> None:
        self._bases = {card.name: card.derives_from for card in cards}

    def includes(self, patterns: Iterable[str], spec: BackendSpec | None) -> bool:
        """Return whether a backend is a variant of one that patterns name, or derived from one."""
        return spec is not None and any(self._is_below(read_pattern(pattern), spec) for pattern in patterns)

    def is_derived(self, spec: BackendSpec | None, base: BackendSpec | None) -> bool:
        """Return whether a backend is a variant of another one in the same environment, or derived from it."""
        if spec is None or base is None or spec == base or spec.place != base.place:
            return False
        return base.name in self._names_of(spec)

    def _is_below(self, pattern: Pattern, spec: BackendSpec) -> bool:
        options = dict(spec.options)
        return (
            any(matches(name, pattern.name) for name in self._names_of(spec))
            and pattern.place in ("", spec.place)
            and all(key in options and matches(options[key], value) for key, value in pattern.options.items())
        )

    def _names_of(self, spec: BackendSpec) -> tuple[str, ...]:
        return (spec.name, *self._bases.get(spec.name, ()))


@dataclass(frozen=True, slots=True)
class Pattern:
    """A backend spec as an expectation writes it: the name and the values of its options may be globs."""

    name: str
    place: str
    options: Mapping[str, str]


@lru_cache(maxsize=1024)
def read_pattern(text: str) -> Pattern:
    """Return the parts of a pattern; a part that is no `key=value` is an option that no backend has."""
    head, _, rest = text.partition(":")
    name, _, environment = head.partition("@")
    name, _, version = name.partition("==")
    parts = (part.partition("=") for part in rest.split(",") if part)
    place = environment or (f"{name}-{version}" if version else "")
    return Pattern(name, place, {key: value for key, _, value in parts})


def spec_of(cells: Sequence[CellFacts]) -> BackendSpec | None:
    """Return the backend of all roles of a column, or nothing where roles have different ones."""
    specs = {assigned.backend for cell in cells for assigned in cell.cell.roles}
    return specs.pop() if len(specs) == 1 else None
