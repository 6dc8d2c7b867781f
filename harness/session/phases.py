"""Plan more from the results so far: a run is a sequence of phases, and each plans its portions from the run so far.

trial      the round that shows how long a value takes, from which the amount of work of its row follows
planned    the rounds that were asked for, with that amount
confirm    more rounds of the rows in which a candidate differs from its baseline
stress     more rounds of scenarios about behaviour, for as long as the user wants
budget     more rounds of scenarios that are measured, where they narrow an interval most
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from msgspec.structs import replace

from harness.compare import compare
from harness.model import TRIAL_ROUND, Plan, Request, RowId, Run, RunCalibrated, RunExtended
from harness.plan import assign_work, find_scalable, plan_rounds
from harness.plugins import Catalogue
from harness.session.budget import Budget
from harness.session.calibration import calibrate
from harness.session.confirmation import Confirmation
from harness.session.run_so_far import Publish, RunSoFar
from harness.session.stress import StressRounds


class Phase(Protocol):
    """A part of a run that plans its cells from the results so far."""

    def plan_more(self, so_far: RunSoFar, publish: Publish) -> Plan | None:
        """Return the next cells; `None` when the phase is over.

        Args:
            so_far: the run with everything that the portions before showed.
            publish: records the decisions: an amount of work, further cells.
        """


def plan_portions(phases: Iterable[Phase], so_far: RunSoFar, publish: Publish) -> Iterator[Plan]:
    """Yield the portions of each phase in turn; the caller runs one before it takes the next."""
    for phase in phases:
        while (portion := phase.plan_more(so_far, publish)) is not None:
            yield portion


def make_phases(request: Request, catalogue: Catalogue, plan: Plan, left: float | None = None) -> tuple[Phase, ...]:
    """Return the phases of a new run. The time of a budget begins now; `left` is the remaining part of it, if less."""
    planner = _Planner(request, catalogue)
    behaviours = frozenset(name for name in plan.scenarios if catalogue.scenario(name).side_by_side)
    phases: tuple[Phase, ...] = (
        *_planned_phases(plan, planner),
        _ConfirmationPhase(Confirmation(), planner),
        _StressPhase(StressRounds(request, plan, behaviours), planner),
    )
    return phases if request.budget is None else (*phases, _BudgetPhase(Budget(left or request.budget), planner))


def make_remaining_phases(request: Request, catalogue: Catalogue, plan: Plan) -> tuple[Phase, ...]:
    """Return the phases of a run that is resumed: it runs the planned cells, and confirms what differs in them."""
    planner = _Planner(request, catalogue)
    return *(_planned_phases(plan, planner) if plan.cells else ()), _ConfirmationPhase(Confirmation(), planner)


def _planned_phases(plan: Plan, planner: _Planner) -> tuple[Phase, ...]:
    trial = tuple(cell for cell in plan.cells if cell.round == TRIAL_ROUND)
    if not trial:
        return (_Planned(plan),)
    rest = tuple(cell for cell in plan.cells if cell.round != TRIAL_ROUND)
    return _Planned(replace(plan, cells=trial)), _Calibrated(replace(plan, cells=rest, skipped=()), planner)


class _Planner:
    """Plans further rounds of a request, with the amount of work that fits each row."""

    def __init__(self, request: Request, catalogue: Catalogue) -> None:
        self._request = request
        self._catalogue = catalogue

    def calibrate(self, so_far: RunSoFar, publish: Publish) -> Run:
        """Return the run so far, with the work of each row that can have it chosen by now."""
        if found := calibrate(so_far.run, find_scalable(self._request, self._catalogue)):
            publish(RunCalibrated(rows=found))
        return so_far.run

    def extend(self, rounds: Mapping[RowId, range], so_far: RunSoFar, publish: Publish) -> Plan | None:
        """Return the plan of further rounds, which becomes a part of the run; nothing for no rounds."""
        if not rounds:
            return None
        more = plan_rounds(self._request, self._catalogue, rounds, so_far.run.works)
        publish(RunExtended(cells=more.cells, skipped=more.skipped))
        return more


class _Planned:
    """Cells that are run as they are planned, all at once."""

    def __init__(self, plan: Plan) -> None:
        self._plan: Plan | None = plan

    def plan_more(self, so_far: RunSoFar, publish: Publish) -> Plan | None:
        """Return the plan, the first time."""
        del so_far, publish
        plan, self._plan = self._plan, None
        return plan


class _Calibrated(_Planned):
    """Cells whose amount of work follows from a trial round before them."""

    def __init__(self, plan: Plan, planner: _Planner) -> None:
        super().__init__(plan)
        self._planner = planner

    def plan_more(self, so_far: RunSoFar, publish: Publish) -> Plan | None:
        """Return the plan with that amount, the first time."""
        plan = super().plan_more(so_far, publish)
        return None if plan is None else assign_work(plan, self._planner.calibrate(so_far, publish).works)


class _ConfirmationPhase:
    """Further rounds of rows that differ once, when all have been run."""

    def __init__(self, confirmation: Confirmation, planner: _Planner) -> None:
        self._confirmation = confirmation
        self._planner = planner

    def plan_more(self, so_far: RunSoFar, publish: Publish) -> Plan | None:
        """Return the rounds of those rows, the first time."""
        if so_far.stopped:
            return None
        return self._planner.extend(self._confirmation.choose_rounds(so_far.run), so_far, publish)


class _StressPhase:
    """One more round of each row about behaviour, until the time is over."""

    def __init__(self, stress: StressRounds, planner: _Planner) -> None:
        self._stress = stress
        self._planner = planner

    def plan_more(self, so_far: RunSoFar, publish: Publish) -> Plan | None:
        """Return the round of the rows that still have a cell to run."""
        if so_far.stopped:
            return None
        return self._planner.extend(self._stress.choose_rounds(so_far.skip_reason), so_far, publish)


class _BudgetPhase:
    """Further rounds of measured rows, as far as the time goes."""

    def __init__(self, budget: Budget, planner: _Planner) -> None:
        self._budget = budget
        self._planner = planner

    def plan_more(self, so_far: RunSoFar, publish: Publish) -> Plan | None:
        """Return the rounds that are worth most; the amount of work of a row is chosen before its second round."""
        if so_far.stopped:
            return None
        run = self._planner.calibrate(so_far, publish)
        return self._planner.extend(self._budget.choose_rounds(run, compare(run)), so_far, publish)
