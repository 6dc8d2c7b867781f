"""How the roles of a cell are started: forked from warm parents; what goes wrong there is confirmed in a fresh process.

A forked attempt in which something went wrong is followed by a fresh one. If that shows the same, it counts. If not,
each kind is tried up to twice more: where all forked attempts agree, and all fresh ones, the fork makes the difference,
which is a defect of harness. Otherwise it is chance. The last attempt counts, and it is a fresh one.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path

import msgspec

from harness.api import Backend, Perturbation, Scenario
from harness.execute.role.warm import WarmParents
from harness.model import LOCAL, BackendSpec, Cell, CellResult, CellRetried, Observed, Outcome, StartAttempt, Step

from .breaches import Breaches

_MOST_ATTEMPTS = 6
_UNCONFIRMED = "the run was interrupted before a finding of a forked process was confirmed"


class StartCheck:
    """The attempts at a cell, forked and fresh by turns, until the finding of a forked one is confirmed or refuted."""

    def __init__(self, cell: Cell, scenario: Scenario, folder: Path, warm: WarmParents | None = None) -> None:
        """Begin with the first attempt.

        Args:
            cell: that is run.
            scenario: of the cell.
            folder: of the run.
            warm: what may fork its roles; nothing if it has to start fresh.
        """
        self._scenario = scenario
        self._folder = folder
        self._warm = warm
        self._attempts: list[StartAttempt] = []
        self._breaches = Breaches(scenario)
        self.hash_seed = cell.seed % 2**32 if warm is None else warm.hash_seed
        """Of the roles, forked and fresh alike."""

    @property
    def warm(self) -> WarmParents | None:
        """What forks the roles of the present attempt; nothing if it starts fresh."""
        return self._warm if len(self._attempts) % 2 == 0 else None

    def see(self, observation: Observed | Step) -> None:
        """Take note of a record of the present attempt."""
        if self._warm is not None:
            self._breaches.see(observation)

    def conclude(self, result: CellResult, *, is_last: bool) -> CellRetried | CellResult:
        """Return the result, or the event of an attempt that is followed by another one.

        Args:
            result: of the present attempt.
            is_last: whether there is no time for another one.
        """
        if self._warm is None:
            return result
        attempt = StartAttempt(
            is_forked=any(role.is_forked for role in result.roles),
            outcome=result.outcome,
            problems=tuple(sorted(self._find_problems(result))),
            seconds=result.seconds,
            evidence=result.evidence,
        )
        self._breaches = Breaches(self._scenario)
        if not self._is_doubtful(attempt):
            before = (*self._attempts, attempt) if self._attempts else ()
            return msgspec.structs.replace(result, starts=before)
        if is_last:
            reason = result.reason if result.outcome is Outcome.INTERRUPTED else _UNCONFIRMED
            starts = (*self._attempts, attempt)
            return CellResult(cell_id=result.cell_id, outcome=Outcome.INTERRUPTED, reason=reason, starts=starts)
        kept = self._keep_evidence(result)
        self._attempts.append(msgspec.structs.replace(attempt, evidence=kept.evidence))
        return CellRetried(result=kept, attempt=len(self._attempts), confirms=True)

    def _is_doubtful(self, attempt: StartAttempt) -> bool:
        """Return whether an attempt has to be followed by another one."""
        if not self._attempts:
            return attempt.is_forked and bool(attempt.problems)
        if len(self._attempts) + 1 == _MOST_ATTEMPTS:
            return False
        return attempt.is_forked or attempt.problems != self._attempts[-1].problems

    def _find_problems(self, result: CellResult) -> Iterator[str]:
        if result.outcome is Outcome.COMPLETED:
            yield from (f"{total} does not add up" for total in self._breaches.unbalanced())
        else:
            yield str(result.outcome)
        yield from {f"{key} breaks the contract" for key in self._breaches.keys()}  # noqa: SIM118 - no mapping
        roles = result.roles
        yield from {f"unhandled {seen.error.type if seen.error else ''}" for role in roles for seen in role.unhandled}
        yield from {f"raises {role.error.type}" for role in roles if role.error}
        yield from {f"leaves {leak.partition(' ')[0]}" for role in roles for leak in role.leaks}
        if any(role.escaped or role.survivors for role in roles):
            yield "leaves processes"

    def _keep_evidence(self, result: CellResult) -> CellResult:
        """Move the evidence out of the way of the next attempt's."""
        if not result.evidence:
            return result
        names = (f"{result.evidence}.start-{number}" for number in count(1))
        moved = next(name for name in names if not (self._folder / name).exists())
        with suppress(OSError):
            shutil.move(self._folder / result.evidence, self._folder / moved)
            return msgspec.structs.replace(result, evidence=moved)
        return msgspec.structs.replace(result, evidence="")


def is_timed(scenario: Scenario) -> bool:
    """Return whether a scenario measures something."""
    return scenario.cpu_bound or any(judge.is_measured for judge in scenario.judges.values())


def may_fork(
    cell: Cell,
    scenario: Scenario,
    backend_of: Callable[[BackendSpec], Backend],
    perturbations: Mapping[str, Perturbation],
    *,
    timed: bool = False,
) -> bool:
    """Return whether the roles of a cell may be forked: its requirements allow it, and it measures nothing.

    With `timed` it may measure something.

    What an executor or a perturbation does to the runner's own process does not reach a warm parent.
    """
    if not scenario.forkable or cell.executor != LOCAL.name or (is_timed(scenario) and not timed):
        return False
    known = [perturbations.get(name) for name, _ in cell.perturb]
    if any(perturbation is None or perturbation.in_runner is not None for perturbation in known):
        return False
    return all(backend_of(assigned.backend).forkable for assigned in cell.roles)
