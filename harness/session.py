"""The conductor: plan → execute → journal → compare."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, cast

import msgspec

from harness.budget import Budget
from harness.calibration import calibrate
from harness.compare import compare
from harness.environment import describe_environment
from harness.environments import describe_others, equip
from harness.execute import describe_limits, execute
from harness.interrupts import INTERRUPTS, follow
from harness.journal import JOURNAL_NAME, JournalWriter, RunStore, read_run, read_self_test
from harness.model import (
    TRIAL_ROUND,
    BackendCard,
    BackendSpec,
    CellProgressed,
    Comparison,
    Expectation,
    Outcome,
    Plan,
    Request,
    RowId,
    RowWork,
    Run,
    RunCalibrated,
    RunEvent,
    RunExtended,
    RunFinished,
    RunResumed,
    RunStarted,
    ScenarioCard,
    UsageError,
    matches_glob,
)
from harness.plan import assign_work, find_scalable, make_plan, plan_rounds
from harness.plugins import Catalogue, Plugins
from harness.rounds import StressRounds
from harness.run_control import RunControl


class RunOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """A finished run: where it lies, what happened, what it says."""

    folder: Path
    run: Run
    comparison: Comparison
    interrupted: bool


def run_session(
    request: Request,
    plugins: Plugins,
    catalogue: Catalogue,
    store: RunStore,
    on_event: Callable[[RunEvent], None],
    expectations: tuple[Expectation, ...] = (),
    lanes: int = 1,
) -> RunOutcome:
    """Run a request to its end and judge it as it was stored.

    Args:
        request: what was asked for.
        plugins: listen to the events.
        catalogue: what the plugins bring.
        store: where the run's folder is made.
        on_event: sees each event after it is in the journal, for live progress.
        expectations: of the user, beside those of the plugins.
        lanes: how many cells may run at a time, of scenarios that measure nothing.

    Raises:
        UsageError: the request cannot be planned or the folder cannot be written.
    """
    request, catalogue = equip(request, catalogue)
    plan = make_plan(request, catalogue)
    folder = store.create()
    environment = describe_environment() | describe_others(catalogue)
    if said := read_self_test(store.root, environment):
        environment["self_test"] = said
    environment["limits"] = describe_limits(plan.cells[0].limits if plan.cells else ())
    control = RunControl(request)
    with _Recorder(folder, plugins, on_event, control) as recorder:
        recorder.publish(_started(folder.name, request, plan, catalogue, expectations, environment))
        parts = _parts(plan, request, catalogue, folder, recorder.publish, control)
        stages = (execute(part, catalogue, folder, lanes=lanes, why_not=control.why_not) for part in parts)
        recorder.follow_all(cast("Generator[RunEvent, None, None]", stage) for stage in stages)
    return recorder.outcome()


def resume_session(
    folder: Path,
    plugins: Plugins,
    catalogue: Catalogue,
    on_event: Callable[[RunEvent], None],
    lanes: int = 1,
) -> RunOutcome:
    """Run what a run has left over, in the same journal, and judge the whole.

    Args:
        folder: of the run.
        plugins: listen to the events.
        catalogue: what the plugins bring; it must have what the run's cells need.
        on_event: sees each event after it is in the journal.
        lanes: as in `run_session`.

    Raises:
        UsageError: nothing is left over, or the journal cannot be written.
    """
    before = read_run(folder)
    left = tuple(record.cell for record in before.records if record.result.outcome in _LEFT_OVER)
    request, catalogue = equip(before.started.request, catalogue)
    if not left:
        raise UsageError(f"cannot resume {folder.name}: every cell of it has its result")
    control = RunControl(before.started.request)
    control.recall(before)
    with _Recorder(folder, plugins, on_event, control, is_resumed=True) as recorder:
        environment = describe_environment() | describe_others(catalogue)
        recorder.publish(RunResumed(resumed_at=_now(), cells=len(left), environment=environment))
        plan = Plan(cells=left, seed=before.started.plan.seed)
        parts = _calibrated(plan, request, catalogue, folder, recorder.publish)
        stages = (execute(part, catalogue, folder, lanes=lanes, why_not=control.why_not) for part in parts)
        recorder.follow_all(cast("Generator[RunEvent, None, None]", stage) for stage in stages)
    return recorder.outcome()


_LEFT_OVER = (Outcome.INTERRUPTED, Outcome.NOT_RUN)


def _parts(
    plan: Plan,
    request: Request,
    catalogue: Catalogue,
    folder: Path,
    publish: Callable[[RunEvent], None],
    control: RunControl,
) -> Iterator[Plan]:
    """Yield the plan, and while there is time left one of further rounds where they are worth most.

    Rows that get further rounds have their amount of work chosen by the first one.
    """
    budget = None if request.budget is None else Budget(request.budget)
    behaviours = frozenset(name for name in plan.scenarios if catalogue.scenario(name).side_by_side)
    stress = StressRounds(request, plan, behaviours)
    yield from _calibrated(plan, request, catalogue, folder, publish)
    works: tuple[RowWork, ...] = ()
    while not control.stopped:
        rounds: Mapping[RowId, range] = stress.choose_rounds(control.why_not)
        if not rounds and budget is not None:
            run = _calibrate(request, catalogue, folder, publish)
            rounds, works = budget.choose_rounds(run, compare(run)), run.works
        if not rounds:
            return
        more = plan_rounds(request, catalogue, rounds, works)
        publish(RunExtended(cells=more.cells, skipped=more.skipped))
        yield more


def _calibrated(
    plan: Plan, request: Request, catalogue: Catalogue, folder: Path, publish: Callable[[RunEvent], None]
) -> Iterator[Plan]:
    """Yield the round that says how much work the others do, if there is one, and then the others."""
    trial = tuple(cell for cell in plan.cells if cell.round == TRIAL_ROUND)
    if trial:
        yield msgspec.structs.replace(plan, cells=trial)
        rest = tuple(cell for cell in plan.cells if cell.round != TRIAL_ROUND)
        works = _calibrate(request, catalogue, folder, publish).works
        plan = assign_work(msgspec.structs.replace(plan, cells=rest, skipped=()), works)
    yield plan


def _calibrate(request: Request, catalogue: Catalogue, folder: Path, publish: Callable[[RunEvent], None]) -> Run:
    """Return the run so far, with the work of each row that can have it chosen by now."""
    run = read_run(folder)
    if found := calibrate(run, find_scalable(request, catalogue)):
        publish(RunCalibrated(rows=found))
        run = read_run(folder)
    return run


class _Recorder:
    """Writes the events of a run into its journal, tells them to who listens, and reads the run back."""

    def __init__(
        self,
        folder: Path,
        plugins: Plugins,
        on_event: Callable[[RunEvent], None],
        control: RunControl,
        *,
        is_resumed: bool = False,
    ) -> None:
        self._folder = folder
        self._plugins = plugins
        self._on_event = on_event
        self._control = control
        self._journal = JournalWriter(folder / JOURNAL_NAME, is_resumed=is_resumed)
        self._interrupted = False
        self._calm = ExitStack()

    def __enter__(self) -> Self:
        self._calm.enter_context(INTERRUPTS.deferred())
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        try:
            if kind is None:
                counts = {"events": self._journal.events, "cells": self._journal.cells}
                footer = RunFinished(
                    finished_at=_now(), interrupted=self._interrupted, checksum=self._journal.checksum, **counts
                )
                self.publish(footer)
        finally:
            self._journal.close()
            self._calm.close()

    def publish(self, event: RunEvent) -> None:
        """Write an event, then tell it."""
        if not isinstance(event, CellProgressed):
            self._journal.write(event)
            self._control.see(event)
        self._on_event(event)
        self._plugins.notify(event)

    def follow_all(self, stages: Iterable[Generator[RunEvent, None, None]]) -> None:
        """Publish every event of one stage after the other, until the user interrupts one."""
        try:
            self._interrupted = any(follow(stage, self.publish) for stage in stages)
            INTERRUPTS.check()
        except KeyboardInterrupt:
            self._interrupted = True  # between two stages; the journal says which cells were planned

    def outcome(self) -> RunOutcome:
        """Return the run as it was stored, and its judgement."""
        run = read_run(self._folder)
        return RunOutcome(folder=self._folder, run=run, comparison=compare(run), interrupted=self._interrupted)


def _started(
    run_id: str,
    request: Request,
    plan: Plan,
    catalogue: Catalogue,
    expectations: tuple[Expectation, ...],
    environment: dict[str, Any],
) -> RunStarted:
    return RunStarted(
        run_id=run_id,
        started_at=_now(),
        request=request,
        plan=plan,
        scenarios=tuple(_scenario_card(catalogue, name) for name in plan.scenarios),
        backends=tuple(_backend_card(catalogue, spec) for spec in plan.backends),
        environment=environment,
        expectations=(*expectations, *_concerning(plan, catalogue.expectations)),
    )


def _concerning(plan: Plan, expectations: tuple[Expectation, ...]) -> Iterator[Expectation]:
    # A run is judged by what it carries, but need not carry what is about other scenarios.
    return (e for e in expectations if any(matches_glob(name, e.scenario) for name in plan.scenarios))


def _scenario_card(catalogue: Catalogue, name: str) -> ScenarioCard:
    scenario = catalogue.scenario(name)
    return ScenarioCard(
        name=name,
        question=scenario.question,
        contract=scenario.contract,
        headline=scenario.headline,
        judges=scenario.judges,
        conserved=scenario.conserved,
        parity=scenario.parity,
        roles=tuple(scenario.roles),
        cpu_bound=scenario.cpu_bound,
    )


def _backend_card(catalogue: Catalogue, spec: BackendSpec) -> BackendCard:
    backend = catalogue.backend_of(spec)
    return BackendCard(
        label=str(spec),
        name=backend.name,
        summary=backend.summary,
        offers={
            capability.value: f"{offer.support.value}: {offer.note}"
            for capability, offer in backend.offers(dict(spec.options)).items()
        },
        install_hint=backend.install_hint,
        planted=bool(backend.planted),
        parallel=backend.parallel,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
