"""Search for the highest rate that a server sustains: a ramp, then a bisection.

The search is pure: the caller runs each step and records its result.

A rate is *slow* if a connection failed, or if the p90 of its response exceeds both `slowdown` times that of the base
step and the absolute objective. Both, because a multiple of next to nothing is still nothing, and an objective alone
knows nothing of the host. Always against the base step: against the step before, a decay that is slow enough would
never count as one.

One slow step may be the machine's; two in a row are the server's.
"""

from __future__ import annotations

from enum import StrEnum

NARROW_ENOUGH = 0.10
"""Width of the bracket, as a share of its lower end, at which the search is over."""
MOST_STEPS = 40


class SearchEnd(StrEnum):
    """Why a search is over."""

    FOUND = "bracket found"
    GENERATOR_LIMITED = "generator limited"
    """The client could not keep the pace, so a higher rate would measure the client."""
    NO_BASE = "base not sustained"
    """Nothing to compare with: connections of the base step failed, or there were too few for a p90."""
    LEGAL_LIMIT = "largest legal rate"
    """The limits of the host allow no higher rate."""
    GAVE_UP = "gave up"
    """Too many steps: the growth is too small, or results go up and down."""


class SaturationSearch:
    """Chooses the rates to try: run `next_rate`, `record` the result, and repeat until `end` is set.

    Args:
        base_rate: rate of the first step, which the others are compared with.
        growth: factor from one step of the ramp to the next, above 1.
        slowdown: factor on the base step's p90.
        objective: absolute limit of a p90, in the unit of the p90 that `record` is given.
        most: highest rate to try.
    """

    def __init__(
        self, *, base_rate: float, growth: float, slowdown: float, objective: float, most: float = float("inf")
    ) -> None:
        self._growth = growth
        self._slowdown = slowdown
        self._objective = objective
        self._most = most
        self._steps = 0
        self._rate = base_rate
        self._was_slow = False
        """Whether the latest step was slow and not yet confirmed."""
        self.limit: float | None = None
        """The p90 beyond which a step is slow; known after the base step."""
        self.low: float | None = None
        """The highest rate that was sustained."""
        self.high: float | None = None
        """The lowest rate that two steps in a row have shown to be too high, or the first of them."""
        self._is_bisecting = False
        self.end: SearchEnd | None = None

    @property
    def next_rate(self) -> float | None:
        """The rate to try now; none when the search is over."""
        return None if self.end else self._rate

    @property
    def highest_sustainable(self) -> float | None:
        """The lower end of a bracket that is narrow enough; none if the search ended otherwise."""
        return self.low if self.end is SearchEnd.FOUND else None

    def record(self, p90: float | None, *, failed: int, kept_pace: bool) -> bool:
        """Take in the result of the step at `next_rate` and return whether the rate was sustained.

        Args:
            p90: of the response time; `None` if it falls on an unanswered connection, or has too few samples.
            failed: connections that were due and not answered.
            kept_pace: whether the client started them when they were due.
        """
        self._steps += 1
        if not kept_pace:
            self.end = SearchEnd.GENERATOR_LIMITED
            self.high = self.high if self._is_bisecting else None
            return False
        if self.limit is None:
            return self._record_base(p90, failed)
        sustained = p90 is not None and not failed and p90 <= self.limit
        if sustained:
            self._go_up()
        elif self._was_slow:
            self._go_down()
        else:
            self._confirm()
        if self.end is None and self._steps >= MOST_STEPS:
            self.end = SearchEnd.GAVE_UP
        return sustained

    def _record_base(self, p90: float | None, failed: int) -> bool:
        if p90 is None or failed:
            self.end = SearchEnd.NO_BASE
            return False
        self.limit = max(p90 * self._slowdown, self._objective)
        self._go_up()
        return True

    def _go_up(self) -> None:
        self._was_slow = False
        self.low = self._rate
        if self._is_bisecting:
            self._bisect()
        elif self._rate >= self._most:
            self.high = None
            self.end = SearchEnd.LEGAL_LIMIT
        else:
            self.high = None  # a slow step that was followed by one that is not was the machine's
            self._rate = min(self._rate * self._growth, self._most)

    def _confirm(self) -> None:
        self._was_slow = True
        if not self._is_bisecting:
            self.high = self._rate
            self._rate = min(self._rate * self._growth, self._most)

    def _go_down(self) -> None:
        self._was_slow = False
        if self._is_bisecting:
            self.high = self._rate
        self._is_bisecting = True
        self._bisect()

    def _bisect(self) -> None:
        assert self.low is not None
        assert self.high is not None
        if self.high - self.low <= NARROW_ENOUGH * self.low:
            self.end = SearchEnd.FOUND
        else:
            self._rate = (self.low + self.high) / 2
