"""Cells that are run again at once: those whose thread waited for a CPU for too long, because others had it.

It is decided by that wait and never by a figure, or slow cells would be given more chances than fast ones. What does
not compute on one thread waits for other reasons, so only scenarios that declare that they do are looked at.
Behaviour seen in an attempt counts whatever disturbed it: one in which a contract was broken is not repeated.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from harness.api import Backend, Scenario
from harness.model import MOST_DELAY, BackendSpec, Cell, CellResult, Disturbance, Observed, Outcome, RoleResult, Step

from .breaches import Breaches

MOST_REPEATS = 2


class NoiseRepeats:
    """The attempts at one cell that noise repeats; the last one counts."""

    def __init__(
        self,
        cell: Cell,
        scenario: Scenario,
        backend_of: Callable[[BackendSpec], Backend],
        *,
        has_time: bool = True,
    ) -> None:
        """Begin with the first attempt.

        Args:
            cell: that is run.
            scenario: of the cell.
            backend_of: finds the backends of the cell.
            has_time: whether there may be more attempts.
        """
        self._scenario = scenario
        self._can_repeat = has_time and can_be_disturbed(cell, scenario, backend_of)
        self._before: list[Disturbance] = []
        self._breaches = Breaches(scenario)
        self.is_over = False

    def see(self, observation: Observed | Step) -> None:
        """Take note of the records of the present attempt."""
        if self._can_repeat:
            self._breaches.see(observation)

    def conclude(self, result: CellResult, *, is_last: bool) -> CellResult | None:
        """Return the result of the cell, or nothing if the attempt is to be followed by another one.

        Args:
            result: of the present attempt.
            is_last: whether there is no time for another one.
        """
        disturbance = None if is_last or len(self._before) >= MOST_REPEATS else self._find_disturbance(result)
        if disturbance is None:
            self.is_over = True
            return msgspec.structs.replace(result, disturbed=tuple(self._before))
        self._before.append(disturbance)
        self._breaches = Breaches(self._scenario)
        return None

    def _find_disturbance(self, result: CellResult) -> Disturbance | None:
        if not self._can_repeat or not all(map(_is_clean, result.roles)):
            return None
        if self._breaches.keys() or self._breaches.unbalanced():
            return None
        for taken in (role.resources for role in result.roles):
            share = taken.delay_share if taken is not None else None
            if taken is not None and taken.run_delay is not None and share is not None and share > MOST_DELAY:
                return Disturbance(wall=taken.wall, run_delay=taken.run_delay, seconds=result.seconds)
        return None


def can_be_disturbed(cell: Cell, scenario: Scenario, backend_of: Callable[[BackendSpec], Backend]) -> bool:
    """Return whether a wait for a CPU shows a disturbance by other processes; not if a perturbation asked for it."""
    if not scenario.cpu_bound or cell.perturb:
        return False
    return not any(backend_of(assigned.backend).parallel for assigned in cell.roles)


def _is_clean(role: RoleResult) -> bool:
    left = role.unhandled or role.leaks or role.escaped or role.survivors
    return role.outcome is Outcome.COMPLETED and not left
