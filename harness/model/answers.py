"""Possible answers to a question, and what follows for a row in which backends differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

import msgspec


class Nature(StrEnum):
    """Whether an order of steps explains that backends answer differently."""

    SAME = "same"
    """Each backend can give the same answers."""
    POLICY = "policy"
    """There is an answer that every backend gives under some order."""
    SEMANTIC = "semantic"
    """No order makes the backends agree."""
    NOT_COMPARED = "not compared"
    """Fewer than two backends were asked under many orders."""


class PossibleAnswers(msgspec.Struct, frozen=True, kw_only=True):
    """The answers of a backend to the question of a row, under many orders of steps."""

    row: str
    """As `RowId` is written."""
    label: str
    """Column of the backend."""
    runtime: str
    """Versions of the runtime and of Python."""
    orders: int
    """How many orders."""
    counts: dict[str, int]
    """How often it gave each answer; empty where a schedule cannot control the question."""


def describe_runtime(distributions: Iterable[str], environment: Mapping[str, Any]) -> str:
    """Return the versions that the answers of a backend depend on.

    Args:
        distributions: of the backend.
        environment: of a run.
    """
    versions = environment.get("versions", {})
    return ", ".join(
        [*(f"{name} {versions.get(name)}" for name in distributions), f"Python {environment.get('python')}"]
    )
