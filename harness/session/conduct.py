"""The conductor: plan → execute → journal → compare."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import cast

import msgspec

from harness.compare import compare
from harness.execute import describe_limits, execute, may_share
from harness.host.faults import require_host
from harness.host.interpreters import describe_others, resolve_environments
from harness.host.machine import describe_environment
from harness.host.stopwatch import Stopwatch
from harness.journal import RunStore, read_answers, read_events, read_run, read_self_test, utc_now
from harness.model import (
    EVIDENCE,
    Cell,
    Comparison,
    Expectation,
    Outcome,
    Plan,
    Request,
    Run,
    RunEvent,
    RunResumed,
    RunStarted,
    UsageError,
)
from harness.plan import make_plan
from harness.plugins import Catalogue, Plugins
from harness.session.costs import learn_costs
from harness.session.deadline import Deadline
from harness.session.header import make_header
from harness.session.pace import Pace
from harness.session.phases import make_phases, make_remaining_phases, plan_portions
from harness.session.recorder import Recorder
from harness.session.run_so_far import RunSoFar

Stage = Callable[..., Iterator[RunEvent]]
"""Runs the cells of a plan as `execute` does, with its arguments."""
_LEFT_OVER = (Outcome.INTERRUPTED, Outcome.NOT_RUN, Outcome.INVALID_ENV)


class RunOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """A finished run: its folder, its events, its results."""

    folder: Path
    run: Run
    comparison: Comparison
    interrupted: bool
    notice: str = ""
    """A fault of the run as a whole that its verdict must not hide, and what to do about it."""


def plan_request(request: Request, catalogue: Catalogue) -> tuple[Request, Catalogue, Plan]:
    """Return the request and the catalogue with their environments, and the plan.

    Raises:
        UsageError: the request cannot be planned.
    """
    request, catalogue = resolve_environments(request, catalogue)
    catalogue.require_executor(request.executor)
    return request, catalogue, make_plan(request, catalogue)


def run_session(
    request: Request,
    plugins: Plugins,
    catalogue: Catalogue,
    store: RunStore,
    expectations: tuple[Expectation, ...] = (),
    lanes: int = 1,
    look: Callable[[], dict[str, str]] = dict,
    stage: Stage | None = None,
    *,
    fresh: bool = True,
    watch: Stopwatch | None = None,
) -> RunOutcome:
    """Run a request to its end and judge it as it was stored.

    Args:
        request: the user's request.
        plugins: receive the events by their hook, live progress among them (`Plugins.listening`).
        catalogue: the plugins' contributions.
        store: where the run's folder is made.
        expectations: of the user, beside those of the plugins.
        lanes: how many cells may run at a time, of scenarios that measure nothing.
        look: returns further facts of the host, to be stored with the run. It is called after the request was planned,
            so that a wrong name costs no look at the machine.
        stage: runs the cells of a plan; `execute` if there is none.
        fresh: whether every process is started fresh; else those of cells that measure nothing may be forked.
        watch: the time since the user's command; its start is that of a budget which bounds the run.

    Raises:
        UsageError: the request cannot be planned or the folder cannot be written.
    """
    require_host()
    watch = watch or Stopwatch()
    request, catalogue, plan = plan_request(request, catalogue)
    slowness = watch.slowness
    so_far = RunSoFar(request)
    with store.creating() as folder:
        environment = describe_environment(catalogue.distributions) | describe_others(catalogue) | look()
        if said := read_self_test(store.root, environment):
            environment["self_test"] = said
        environment["limits"] = describe_limits(plan.cells[0].limits if plan.cells else ())
        costs = learn_costs(store, environment)
        recorder = Recorder(folder, plugins, so_far)
    deadline = None
    if request.budget is not None and request.bounded:
        shared = partial(may_share, catalogue=catalogue)
        left = request.budget - watch.seconds
        deadline = Deadline(left, plan.cells, costs, lanes, shared, slowness, budget=request.budget)
    pace = Pace(catalogue, costs, deadline)
    with recorder:
        answers = read_answers(store.root)
        header = make_header(folder.name, utc_now(), request, plan, catalogue, environment, expectations, answers)
        recorder.publish(header)
        portions = plan_portions(make_phases(request, catalogue, plan, pace.left), so_far, recorder.publish)
        recorder.follow_all(_stages(stage or execute, portions, catalogue, folder, lanes, so_far, pace, fresh=fresh))
    return _read_recorded(folder, recorder)


def resume_session(
    folder: Path,
    plugins: Plugins,
    catalogue: Catalogue,
    lanes: int = 1,
    stage: Stage | None = None,
    *,
    fresh: bool = True,
) -> RunOutcome:
    """Run the remaining cells of a run, in the same journal, and judge the whole.

    Args:
        folder: of the run.
        plugins: receive the events by their hook, live progress among them (`Plugins.listening`).
        catalogue: the plugins' contributions; it must have all that the run's cells need.
        lanes: as in `run_session`.
        stage: as in `run_session`.
        fresh: as in `run_session`.

    Raises:
        UsageError: the run has ended and nothing is left over, or the journal cannot be written.
    """
    require_host()
    events = tuple(read_events(folder))
    started = cast("RunStarted", events[0])
    so_far = RunSoFar(started.request, events)
    left = tuple(record.cell for record in so_far.run.records if record.result.outcome in _LEFT_OVER)
    request, catalogue = resolve_environments(started.request, catalogue)
    if not left and so_far.has_ended:
        raise UsageError(
            f"cannot resume {folder.name}: every cell of it has its result; see harness show {folder.name}"
        )
    if (folder / EVIDENCE).is_symlink():
        raise UsageError(f"cannot resume {folder.name}: {folder / EVIDENCE} is a symbolic link; put a folder there")
    for cell in left:
        try:
            catalogue.require_cell(cell)
        except UsageError as exc:
            raise UsageError(f"cannot resume {folder.name}: {exc}") from exc
    for executor in {cell.executor for cell in left}:
        catalogue.require_executor(executor)
    plan = Plan(cells=left, seed=started.plan.seed, judges_figures=request.judges_figures)
    with Recorder(folder, plugins, so_far) as recorder:
        environment = describe_environment(catalogue.distributions) | describe_others(catalogue)
        recorder.publish(RunResumed(resumed_at=utc_now(), cells=len(left), environment=environment))
        pace = Pace(catalogue, learn_costs(RunStore(folder.parent), environment))
        portions = plan_portions(make_remaining_phases(request, catalogue, plan), so_far, recorder.publish)
        recorder.follow_all(_stages(stage or execute, portions, catalogue, folder, lanes, so_far, pace, fresh=fresh))
    return _read_recorded(folder, recorder)


def read_outcome(folder: Path, *, interrupted: bool = False) -> RunOutcome:
    """Return a run as it was stored, and its judgement.

    Raises:
        JournalError: it cannot be read.
    """
    run = read_run(folder)
    return RunOutcome(folder=folder, run=run, comparison=compare(run), interrupted=interrupted)


def _read_recorded(folder: Path, recorder: Recorder) -> RunOutcome:
    """Return a run as it was recorded, also where another program took its journal away."""
    if recorder.lost is None:
        return read_outcome(folder, interrupted=recorder.interrupted)
    saved = recorder.lost.folder
    with suppress(OSError):  # it may be gone as well
        (folder / EVIDENCE).rename(saved / EVIDENCE)
    return msgspec.structs.replace(read_outcome(saved), notice=str(recorder.lost))


def _stages(
    stage: Stage,
    portions: Iterable[Plan],
    catalogue: Catalogue,
    folder: Path,
    lanes: int,
    so_far: RunSoFar,
    pace: Pace,
    *,
    fresh: bool,
) -> Iterator[Generator[RunEvent, None, None]]:
    def skip_reason(cell: Cell) -> str:
        return so_far.skip_reason(cell) or pace.skip_reason(cell)

    for portion in portions:
        events = stage(
            pace.arrange(portion),
            catalogue,
            folder,
            lanes=lanes,
            skip_reason=skip_reason,
            fresh=fresh,
            cut_off=pace.cut_off,
        )
        yield cast("Generator[RunEvent, None, None]", events)
