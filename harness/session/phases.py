"""A plan in portions: each is made from what those before it showed.

The first says how much work the others do, and while there is time left rows get further rounds where they are worth
most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from harness.compare import compare
from harness.journal import read_run
from harness.model import TRIAL_ROUND, Plan, Request, RowId, RowWork, Run, RunCalibrated, RunEvent, RunExtended
from harness.plan import assign_work, find_scalable, plan_rounds
from harness.plugins import Catalogue
from harness.session.budget import Budget
from harness.session.calibration import calibrate
from harness.session.stop_rules import RunControl
from harness.session.stress import StressRounds


class Portions:
    """The portions of a run.

    Args:
        request: what was asked for.
        catalogue: what the plugins bring.
        folder: of the run; its journal says what was seen by now.
        publish: is told what is decided between two portions.
    """

    def __init__(
        self, request: Request, catalogue: Catalogue, folder: Path, publish: Callable[[RunEvent], None]
    ) -> None:
        self._request = request
        self._catalogue = catalogue
        self._folder = folder
        self._publish = publish

    def of(self, plan: Plan, control: RunControl) -> Iterator[Plan]:
        """Yield the plan, and while there is time left one of further rounds where they are worth most.

        Rows that get further rounds have their amount of work chosen by the first one.
        """
        budget = None if self._request.budget is None else Budget(self._request.budget)
        behaviours = frozenset(name for name in plan.scenarios if self._catalogue.scenario(name).side_by_side)
        stress = StressRounds(self._request, plan, behaviours)
        yield from self.of_rest(plan)
        works: tuple[RowWork, ...] = ()
        while not control.stopped:
            rounds: Mapping[RowId, range] = stress.choose_rounds(control.why_not)
            if not rounds and budget is not None:
                run = self._calibrate()
                rounds, works = budget.choose_rounds(run, compare(run)), run.works
            if not rounds:
                return
            more = plan_rounds(self._request, self._catalogue, rounds, works)
            self._publish(RunExtended(cells=more.cells, skipped=more.skipped))
            yield more

    def of_rest(self, plan: Plan) -> Iterator[Plan]:
        """Yield the round that says how much work the others do, if there is one, and then the others."""
        trial = tuple(cell for cell in plan.cells if cell.round == TRIAL_ROUND)
        if trial:
            yield replace(plan, cells=trial)
            rest = tuple(cell for cell in plan.cells if cell.round != TRIAL_ROUND)
            plan = assign_work(replace(plan, cells=rest, skipped=()), self._calibrate().works)
        yield plan

    def _calibrate(self) -> Run:
        """Return the run so far, with the work of each row that can have it chosen by now."""
        run = read_run(self._folder)
        if found := calibrate(run, find_scalable(self._request, self._catalogue)):
            self._publish(RunCalibrated(rows=found))
            run = read_run(self._folder)
        return run
