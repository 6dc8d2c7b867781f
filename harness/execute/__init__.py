"""Plan → run events: the only stage that starts processes."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from harness.host.faults import explain_runner_error
from harness.host.signals import HeldInterrupt
from harness.model import Cell, CellFinished, CellResult, Outcome, Plan, RunEvent, UsageError

from . import posix
from .cell.conditions import PerturbationError, establish
from .cell.cut_off import CutOff
from .cell.disturbed import NoiseRepeats
from .cell.preflight import find_obstacle
from .cell.retries import Retries
from .cell.run import CellRun
from .cell.start import StartCheck, may_fork
from .lanes import LaneTerms, run_side_by_side
from .limits.enforce import describe_limits
from .role.interpreter import find_missing
from .role.launch import ExecutorError, make_launch
from .role.warm import WarmParents
from .watcher import Watcher, watched

if TYPE_CHECKING:
    from harness.plugins import Catalogue

__all__ = ["CutOff", "describe_limits", "execute", "may_share", "run_guarded"]


_LEAST_FORKS = 3
"""Of each warm parent, to be worth its start."""


def execute(
    plan: Plan,
    catalogue: Catalogue,
    folder: Path,
    *,
    lanes: int = 1,
    skip_reason: Callable[[Cell], str] = lambda _cell: "",
    fresh: bool = True,
    cut_off: CutOff | None = None,
) -> Iterator[RunEvent]:
    """Run the cells of a plan and yield the events; every planned cell gets a `CellFinished`.

    Args:
        plan: the cells, in order; first those that may run side by side, if there are lanes for them.
        catalogue: where the plan's scenarios and backends are found.
        folder: the run's folder; evidence goes below it.
        lanes: how many cells may run at a time, of scenarios that allow it. The others run alone.
        skip_reason: returns, when it is a cell's turn, why it is not run; empty if it is.
        fresh: whether every process is started fresh; else those of cells may be forked, if they measure nothing or the
            plan judges no figures.
        cut_off: when the cells that still run are ended; nothing for never.

    Raises:
        KeyboardInterrupt: at the end, if the user interrupted the run; the cells not run were reported as such.
    """
    can_fork = posix.adopt_orphans() and not fresh
    for skipped in plan.skipped:
        yield _without_process(skipped.cell, Outcome.UNSUPPORTED, skipped.reason)
    with watched() as watcher, closing(WarmParents(plan.seed, forks_timed=not plan.judges_figures)) as warm:
        warm_or_none = warm if can_fork else None
        yield from _execute_cells(plan, catalogue, folder, lanes, skip_reason, warm_or_none, cut_off, watcher)


def _are_worth_it(warm: WarmParents, cells: Sequence[Cell], catalogue: Catalogue, lanes: int = 1) -> bool:
    """Return whether warm parents cost less than they save: each lane has one for each interpreter and adapter."""
    forks: list[tuple[str, str]] = []
    try:
        for cell in cells:
            scenario = catalogue.scenario(cell.scenario)
            if may_fork(cell, scenario, catalogue.backend_of, catalogue.perturbations, timed=warm.forks_timed):
                specs = {assigned.backend for assigned in cell.roles}
                forks += [(spec.place, catalogue.backend_of(spec).runner.partition(":")[0]) for spec in specs]
    except UsageError:  # a backend is not installed any more, as its cells report
        return False
    return len(forks) >= _LEAST_FORKS * lanes * len(set(forks))


def _execute_cells(
    plan: Plan,
    catalogue: Catalogue,
    folder: Path,
    lanes: int,
    skip_reason: Callable[[Cell], str],
    warm: WarmParents | None,
    cut_off: CutOff | None,
    watcher: Watcher,
) -> Iterator[RunEvent]:
    shared: list[Cell] = []
    alone: list[Cell] = []
    for cell in plan.cells:
        (shared if lanes > 1 and may_share(cell, catalogue) else alone).append(cell)
    held = HeldInterrupt()
    if shared:
        with held:
            terms = LaneTerms(cut_off=cut_off)
            if warm is not None and _are_worth_it(warm, shared, catalogue, lanes):
                terms = replace(terms, hash_seed=warm.hash_seed, forks_timed=warm.forks_timed)
            environments = tuple(catalogue.environments.values())
            yield from run_side_by_side(shared, folder, lanes, environments, skip_reason, terms, watcher)
    warm = warm if warm is not None and _are_worth_it(warm, alone, catalogue) else None
    for cell in alone:
        if held:
            yield _without_process(cell, Outcome.NOT_RUN, "the run was interrupted before this cell")
            continue
        if reason := skip_reason(cell):
            yield _without_process(cell, Outcome.NOT_RUN, reason)
            continue
        fault = watcher.find_fault()
        yield from held.pass_on(watcher.take_notes())
        if fault:
            yield _without_process(cell, Outcome.INVALID_ENV, fault)
            continue
        with held:
            yield from run_guarded(cell, catalogue, folder, warm, cut_off)
    held.release()


def may_share(cell: Cell, catalogue: Catalogue) -> bool:
    """Return whether a cell may run beside others."""
    # What disturbs one cell would disturb the others as well; an addition to the run of a role does not.
    known = (catalogue.perturbations.get(name) for name, _ in cell.perturb)
    disturbs = any(each is None or each.in_runner is not None or each.in_worker for each in known)
    return catalogue.scenario(cell.scenario).side_by_side and not disturbs


def run_guarded(
    cell: Cell,
    catalogue: Catalogue,
    folder: Path,
    warm: WarmParents | None = None,
    cut_off: CutOff | None = None,
) -> Iterator[RunEvent]:
    """Run one cell and yield its events, whatever it and its plugins do; `warm` may fork its processes."""
    try:
        scenario = catalogue.scenario(cell.scenario)
        if obstacle := find_obstacle(scenario, cell):
            yield _without_process(cell, Outcome.NOT_RUN, obstacle)
            return
        if missing := find_missing(cell, catalogue.environments):
            yield _without_process(cell, Outcome.INVALID_ENV, missing)
            return
        launch = make_launch(cell, catalogue.executors)
        if warm is not None and not may_fork(
            cell, scenario, catalogue.backend_of, catalogue.perturbations, timed=warm.forks_timed
        ):
            warm = None
        with establish(cell, catalogue.perturbations) as conditions:
            retries = Retries(cell, folder)
            while not retries.is_over:
                # The first round of a bounded run has to ask everything.
                has_time = cut_off is None or cell.round > 1
                attempts = NoiseRepeats(cell, scenario, catalogue.backend_of, has_time=has_time)
                start = StartCheck(cell, scenario, folder, warm)
                while not attempts.is_over:
                    yield from CellRun(
                        cell,
                        scenario,
                        catalogue.backend_of,
                        folder,
                        attempts,
                        catalogue.environments,
                        retries,
                        launch,
                        conditions,
                        start,
                        cut_off,
                    ).events()
    except (ExecutorError, PerturbationError) as exc:
        yield _without_process(cell, Outcome.INVALID_ENV, str(exc))
    except Exception as exc:  # noqa: BLE001 - a cell can never raise into the runner
        if cause := explain_runner_error(exc):
            yield _without_process(cell, Outcome.INVALID_ENV, cause)
            return
        reason = f"{type(exc).__name__}: {exc}; {''.join(traceback.format_tb(exc.__traceback__)[-1:]).strip()}"
        yield _without_process(cell, Outcome.HARNESS_FAULT, reason)


def _without_process(cell: Cell, outcome: Outcome, reason: str) -> CellFinished:
    return CellFinished(result=CellResult(cell_id=cell.id, outcome=outcome, reason=reason))
