"""Programs whose final states differ between two runtimes: under no order of steps that was tried do they agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .grammar import Rule
from .program import Program, describe_program
from .schedules import list_schedules
from .shrink import shrink
from .trial import Trial

ORDERS = 40
"""Orders of each runtime before their final states count as different."""
_FIRST = 3
_MOST_CANDIDATES = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """The final states that a program can reach on each of two runtimes, which have none in common."""

    own: tuple[str, ...]
    other: tuple[str, ...]


class Differ:
    """Compares the final states of programs on two runtimes."""

    def __init__(self, trial: Trial, other: Trial, attend: Callable[[], None] = lambda: None) -> None:
        self._trials = (trial, other)
        self._attend = attend

    def find(self, program: Program) -> Difference | None:
        """Return the states of a program if the runtimes share none under any of the orders.

        A program that breaks the contract on one of them is a finding, and no difference.
        """
        own: set[str] = set()
        other: set[str] = set()
        for number, order in enumerate(list_schedules(0, ORDERS)):
            self._attend()
            for trial, states in zip(self._trials, (own, other), strict=True):
                result = trial.run(program, order)
                if result.clause is not None:
                    return None
                states.add(result.state)
            if number >= _FIRST - 1 and own & other:
                return None
        return Difference(tuple(sorted(own)), tuple(sorted(other)))

    def find_smallest(self, program: Program, rules: Mapping[str, Rule]) -> Program:
        """Return the smallest program that differs, among those that single changes lead to."""

        def differs(candidate: Program) -> str:
            return "any" if self.find(candidate) else ""

        return shrink(program, "any", differs, rules, _MOST_CANDIDATES).program


def describe_difference(name: str, program: Program, found: Difference) -> dict[str, Any]:
    """Return a difference as an observation."""
    return {
        "program": name,
        "operations": program.size,
        "text": describe_program(program),
        "own": list(found.own),
        "other": list(found.other),
    }


def list_lines(difference: Mapping[str, Any], backend: str, other: str) -> Iterator[str]:
    """Yield a difference for a reader: the program, then the states on each runtime."""
    yield from difference["text"]
    for label, states in ((backend, difference["own"]), (other, difference["other"])):
        yield f"{label}: {' | '.join(states)}"
