"""The conductor: plan → execute → journal → compare."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec

from harness.budget import Budget
from harness.compare import compare
from harness.environment import describe_environment
from harness.execute import execute
from harness.journal import JOURNAL_NAME, JournalWriter, RunStore, read_run, read_self_test
from harness.model import (
    BackendCard,
    BackendSpec,
    CellProgressed,
    Comparison,
    Expectation,
    Outcome,
    Plan,
    Request,
    Run,
    RunEvent,
    RunExtended,
    RunFinished,
    RunResumed,
    RunStarted,
    ScenarioCard,
    UsageError,
    matches_glob,
)
from harness.plan import make_plan, plan_rounds
from harness.plugins import Catalogue, Plugins


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
    plan = make_plan(request, catalogue)
    folder = store.create()
    with JournalWriter(folder / JOURNAL_NAME) as journal:

        def publish(event: RunEvent) -> None:
            if not isinstance(event, CellProgressed):
                journal.write(event)
            on_event(event)
            plugins.notify(event)

        environment = describe_environment()
        if said := read_self_test(store.root, environment):
            environment["self_test"] = said
        publish(_started(folder.name, request, plan, catalogue, expectations, environment))
        try:
            interrupted = any(
                _follow(cast("Generator[RunEvent, None, None]", execute(part, catalogue, folder, lanes=lanes)), publish)
                for part in _parts(plan, request, catalogue, folder, publish)
            )
        except KeyboardInterrupt:
            interrupted = True  # between two parts; the journal says which cells were planned
        publish(RunFinished(finished_at=_now(), events=journal.events, cells=journal.cells, interrupted=interrupted))
    run = read_run(folder)
    return RunOutcome(folder=folder, run=run, comparison=compare(run), interrupted=interrupted)


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
    if not left:
        raise UsageError(f"cannot resume {folder.name}: every cell of it has its result")
    with JournalWriter(folder / JOURNAL_NAME, is_resumed=True) as journal:

        def publish(event: RunEvent) -> None:
            if not isinstance(event, CellProgressed):
                journal.write(event)
            on_event(event)
            plugins.notify(event)

        publish(RunResumed(resumed_at=_now(), environment=describe_environment()))
        on_event(msgspec.structs.replace(before.started, plan=Plan(cells=left)))  # how many there are to come
        stage = execute(Plan(cells=left), catalogue, folder, lanes=lanes)
        interrupted = _follow(cast("Generator[RunEvent, None, None]", stage), publish)
        publish(RunFinished(finished_at=_now(), events=journal.events, cells=journal.cells, interrupted=interrupted))
    run = read_run(folder)
    return RunOutcome(folder=folder, run=run, comparison=compare(run), interrupted=interrupted)


_LEFT_OVER = (Outcome.INTERRUPTED, Outcome.NOT_RUN)


def _parts(
    plan: Plan, request: Request, catalogue: Catalogue, folder: Path, publish: Callable[[RunEvent], None]
) -> Iterator[Plan]:
    """Yield the plan, and while there is time left one of further rounds where they are worth most."""
    budget = None if request.budget is None else Budget(request.budget)
    yield plan
    while budget is not None:
        run = read_run(folder)
        rounds = budget.choose_rounds(run, compare(run))
        if not rounds:
            return
        more = plan_rounds(request, catalogue, rounds)
        publish(RunExtended(cells=more.cells, skipped=more.skipped))
        yield more


def _follow(stage: Generator[RunEvent, None, None], publish: Callable[[RunEvent], None]) -> bool:
    """Publish every event of a stage; return whether the user interrupted it."""
    with closing(stage):
        try:
            for event in stage:
                publish(event)
        except KeyboardInterrupt as interrupt:
            # It may have come while an event was published. Then the stage has yet to see it, to end the running
            # cell and to report the others; a stage that has ended throws it back.
            with suppress(KeyboardInterrupt):
                publish(stage.throw(interrupt))
                for event in stage:
                    publish(event)
            return True
    return False


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
    )


def _backend_card(catalogue: Catalogue, spec: BackendSpec) -> BackendCard:
    backend = catalogue.backend(spec.name)
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
