"""Counts that must add up, written as the sum that a reader can check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.api.values import adds_up
from harness.model import CellRecord, Observed

from .squares import value_text


def describe_counts(record: CellRecord, conserved: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield `due 400 = ok 398 + refused 2` for each total that a role of the cell counted.

    The words that all its names begin with are left out.
    """
    for total, parts in conserved.items():
        for role in dict.fromkeys(fact.role for fact in _facts_of(record, total)):
            due = _sum_of(record, total, role)
            counts = [_sum_of(record, part, role) for part in parts]
            total_name, *names = _without_shared_words([total, *parts])
            terms = " + ".join(f"{name} {value_text(count)}" for name, count in zip(names, counts, strict=True))
            yield f"{total_name} {value_text(due)} {_conclusion(due, counts, terms)}"


def _conclusion(due: float, counts: Sequence[float], terms: str) -> str:
    if adds_up(due, counts):
        return f"= {terms}"
    return f"≠ {terms} = {value_text(sum(counts))}: does not add up"


def _facts_of(record: CellRecord, key: str) -> list[Observed]:
    return [fact for fact in record.observations if isinstance(fact, Observed) and fact.key == key]


def _sum_of(record: CellRecord, key: str, role: str) -> float:
    values: list[float] = [fact.value for fact in _facts_of(record, key) if fact.role == role]
    return sum(value for value in values if isinstance(value, (int, float)))


def _without_shared_words(names: Sequence[str]) -> list[str]:
    words = [name.split(" ") for name in names]
    while len({split[0] for split in words}) == 1 and all(len(split) > 1 for split in words):
        words = [split[1:] for split in words]
    return [" ".join(split) for split in words]
