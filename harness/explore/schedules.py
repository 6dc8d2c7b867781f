"""Schedules: which of several ready steps runs next, as a function of a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

_DELAY_SHARE = 0.3
_MOST_DELAY = 3
_CHANGE_WITHIN = 40
"""Steps within which a change point of PCT lies: more than a generated program takes in most cases."""


class Native:
    """The runtime's own order."""

    native = True

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.name = f"native {seed}"

    def pick(self, ready: Sequence[object]) -> int:
        """Return the first."""
        del ready
        return 0

    def delay(self) -> int:
        """Return 0."""
        return 0


class Shuffle:
    """Every order with the same probability."""

    native = False

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.name = f"shuffle {seed}"
        self._random = random.Random(f"shuffle/{seed}")  # noqa: S311 - an order, not a secret

    def pick(self, ready: Sequence[object]) -> int:
        """Return any index."""
        return self._random.randrange(len(ready))

    def delay(self) -> int:
        """Return 0 in most cases, else up to three turns."""
        return self._random.randint(1, _MOST_DELAY) if self._random.random() < _DELAY_SHARE else 0


class Pct:
    """Priorities for tasks, changed at a few points (Burckhardt et al., 2010): finds what needs a rare order."""

    native = False

    def __init__(self, seed: int, depth: int = 2) -> None:
        self.seed = seed
        self.name = f"pct {seed}"
        self._random = random.Random(f"pct/{seed}")  # noqa: S311 - an order, not a secret
        self._changes = {self._random.randrange(_CHANGE_WITHIN) for _ in range(depth)}
        self._priorities: dict[int, float] = {}
        self._keep: list[object] = []
        self._step = 0

    def pick(self, ready: Sequence[object]) -> int:
        """Return the index of the task with the highest priority."""
        best = max(range(len(ready)), key=lambda index: self._priority(ready[index]))
        if self._step in self._changes:
            self._priorities[id(ready[best])] = -float(self._step)
        self._step += 1
        return best

    def _priority(self, task: object) -> float:
        if id(task) not in self._priorities:
            self._keep.append(task)  # an id may be given again once its object is gone
            self._priorities[id(task)] = self._random.random()
        return self._priorities[id(task)]

    def delay(self) -> int:
        """Return as `Shuffle` does, but rarely: a few long delays."""
        return self._random.randint(1, 2 * _MOST_DELAY) if self._random.random() < _DELAY_SHARE / 3 else 0


@dataclass
class Deviations:
    """The native order with a choice of another step at some decisions; counts the decisions as it goes."""

    choices: dict[int, int] = field(default_factory=dict)
    """By number of the decision, the index that is picked."""
    seed: int = 0
    native: bool = False
    ready_counts: list[int] = field(default_factory=list)
    """How many steps were ready at each decision."""

    @property
    def name(self) -> str:
        """Its choices, as `0=1.4=2`."""
        return "deviations " + ".".join(f"{step}={index}" for step, index in sorted(self.choices.items()))

    def pick(self, ready: Sequence[object]) -> int:
        """Return the choice for this decision, or the first."""
        step = len(self.ready_counts)
        self.ready_counts.append(len(ready))
        return min(self.choices.get(step, 0), len(ready) - 1)

    def delay(self) -> int:
        """Return the choice for this decision; 0 for none."""
        step = len(self.ready_counts)
        self.ready_counts.append(_MOST_DELAY)
        return self.choices.get(step, 0)


def enumerate_deviations(ready_counts: Sequence[int], most: int = 2) -> Iterator[dict[int, int]]:
    """Yield every choice of at most `most` deviations from a run that had these decisions."""
    steps = [(step, index) for step, count in enumerate(ready_counts) for index in range(1, count)]
    for number in range(1, most + 1):
        for chosen in combinations(steps, number):
            if len({step for step, _ in chosen}) == number:
                yield dict(chosen)


def make_schedule(name: str) -> Any:
    """Return the schedule of a name, as a finding has it.

    Raises:
        ValueError: there is none.
    """
    kind, _, rest = name.partition(" ")
    match kind:
        case "native":
            return Native(int(rest or 0))
        case "shuffle":
            return Shuffle(int(rest))
        case "pct":
            return Pct(int(rest))
        case "deviations":
            pairs = (pair.partition("=") for pair in rest.split(".") if pair)
            return Deviations({int(step): int(index) for step, _, index in pairs})
    raise ValueError(f"unknown schedule {name!r}")


def list_schedules(seed: int, count: int) -> list[str]:
    """Return the schedules that a program is run under: the native order, then shuffles and PCT in turn."""
    return [
        f"{'native' if not number else 'shuffle' if number % 2 else 'pct'} {(seed * 31 + number) & 0x7FFFFFFF}"
        for number in range(count)
    ]
