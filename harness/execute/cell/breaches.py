"""Broken contracts in the records of a cell while it runs."""

from __future__ import annotations

from collections import defaultdict

from harness.api import Judge, Scenario
from harness.api.values import adds_up
from harness.model import Observed, Step


class Breaches:
    """Sees the records of one attempt at a cell."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._conditions = {key for judge in scenario.judges.values() for key in judge.only_where}
        self._broken: list[tuple[str, Judge]] = []
        self._seen: dict[str, list[object]] = defaultdict(list)
        self._totals: dict[str, float] = defaultdict(float)

    def see(self, observation: Observed | Step) -> None:
        """Take note of a record."""
        if isinstance(observation, Step):
            return
        key, value = observation.key, observation.value
        judge = self._scenario.judges.get(key)
        if judge is not None and judge.breaks(value) is not None:
            self._broken.append((key, judge))
        if key in self._conditions:
            self._seen[key].append(value)
        if isinstance(value, (int, float)):
            self._totals[key] += value

    def keys(self) -> set[str]:
        """Return the keys whose values break the contract."""
        return {key for key, judge in self._broken if judge.is_about(self._seen)}

    def unbalanced(self) -> set[str]:
        """Return the totals that are not the sum of their parts."""
        sums = self._scenario.conserved.items()
        return {total for total, parts in sums if not adds_up(self._totals[total], (self._totals[p] for p in parts))}
