"""Variants of a test for several runtimes, which anyio's plugin makes: one row, whose columns run one each."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

_FIXTURE = "anyio_backend"


class Variants:
    """Names the row of each item.

    Args:
        family: the runtime that the backend derives from, as anyio names it.
        families: those of all backends of the run; with less than two, each variant is a row.
    """

    def __init__(self, family: str, families: Collection[str]) -> None:
        self._family = family
        self._families = families if len(families) > 1 else ()

    def name(self, item: Any) -> tuple[str, bool]:
        """Return the row of an item, and whether this backend runs it."""
        callspec: Any = getattr(item, "callspec", None)
        value = callspec.params.get(_FIXTURE) if callspec is not None else None
        backend = value[0] if isinstance(value, tuple) and value else value
        if backend not in self._families:
            return item.nodeid, True
        words = callspec.id.split("-")
        if words.count(backend) != 1:
            return item.nodeid, True
        words.remove(backend)
        base = item.nodeid.removesuffix(f"[{callspec.id}]")
        return f"{base}[{'-'.join(words)}]" if words else base, backend == self._family
