"""Self-description of a run, written at its start, so that it can be judged where its plugins are not installed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from harness.api import Backend
from harness.model import (
    BackendCard,
    BackendSpec,
    Expectation,
    Plan,
    PossibleAnswers,
    Request,
    RunStarted,
    ScenarioCard,
    describe_runtime,
    matches_glob,
)
from harness.plugins import Catalogue
from harness.plugins.reproducers import list_scripts


def make_header(
    run_id: str,
    started_at: str,
    request: Request,
    plan: Plan,
    catalogue: Catalogue,
    environment: dict[str, Any],
    expectations: tuple[Expectation, ...] = (),
    answers: Sequence[PossibleAnswers] = (),
) -> RunStarted:
    """Return the first event of a run.

    Args:
        run_id: name of the run.
        started_at: ISO 8601, UTC.
        request: as entered.
        plan: made for it.
        catalogue: has its scenarios and backends.
        environment: facts of the machine and of the software.
        expectations: of the user, beside those of the plugins.
        answers: that are known of runtimes; those of the run's own become part of it.
    """
    return RunStarted(
        run_id=run_id,
        started_at=started_at,
        request=request,
        plan=plan,
        scenarios=tuple(make_scenario_card(catalogue, name) for name in plan.scenarios),
        backends=tuple(make_backend_card(catalogue, spec) for spec in plan.backends),
        environment=environment,
        # A run is judged by its own header, but need not carry facts about other scenarios.
        expectations=(*expectations, *(known for known in catalogue.expectations if _concerns(known, plan))),
        answers=tuple(_choose_answers(answers, plan, catalogue, environment)),
    )


def _choose_answers(
    answers: Sequence[PossibleAnswers], plan: Plan, catalogue: Catalogue, environment: dict[str, Any]
) -> Iterator[PossibleAnswers]:
    """Yield the answers to the questions of a plan by its backends, in the versions that are installed here."""
    rows = {str(cell.row) for cell in plan.cells}
    for spec in plan.backends:
        if not spec.place:
            runtime = describe_runtime(catalogue.backend_of(spec).distributions, environment)
            known = (str(spec), runtime)
            yield from (each for each in answers if (each.label, each.runtime) == known and each.row in rows)


def make_scenario_card(catalogue: Catalogue, name: str) -> ScenarioCard:
    """Return the facts about a scenario that a comparison needs."""
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
        requires=tuple(capability.value for capability in scenario.requires),
        charts=scenario.charts,
        topics=scenario.topics,
        prerequisites=scenario.prerequisites,
        subject=scenario.subject,
        scripts=tuple(list_scripts(scenario)),
    )


def make_backend_card(catalogue: Catalogue, spec: BackendSpec) -> BackendCard:
    """Return the facts about a backend that a report needs."""
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
        planted=bool(backend.control),
        parallel=backend.parallel,
        implements=tuple(backend.implements),
        costs=backend.costs,
        derives_from=tuple(_bases_of(backend, catalogue)),
    )


def _bases_of(backend: Backend, catalogue: Catalogue) -> Iterator[str]:
    """Yield the bases of a backend, nearest first; a base that is not installed here may be named."""
    seen = {backend.name}
    name = backend.derives_from
    while name and name not in seen:
        yield name
        seen.add(name)
        base = catalogue.backends.get(name)
        name = base.derives_from if base else ""


def _concerns(expectation: Expectation, plan: Plan) -> bool:
    return any(matches_glob(name, expectation.scenario) for name in plan.scenarios)
