"""Expand a request into cells, in an order that favours no backend."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING

import msgspec

from harness.api import Capability, Parameter, Scenario, Support, Value
from harness.model import (
    LEAST_ROUNDS,
    TRIAL_ROUND,
    Cell,
    Plan,
    Request,
    RoleBackend,
    RowId,
    RowWork,
    SkippedCell,
    UsageError,
)

from .columns import Column, Columns, is_variant
from .limits import parse_limits
from .order import arrange
from .partition import choose_part
from .perturb import parse_perturbations
from .select import select_scenarios
from .spec import nearest, parse_spec, parse_value

if TYPE_CHECKING:
    from harness.plugins import Catalogue


Arm = tuple[Column, bool]
"""A column, and whether it is the alias of the reference."""


def make_plan(request: Request, catalogue: Catalogue) -> Plan:
    """Return the cells of a request, in the order in which they run.

    Each round is a sweep over all rows in random order, and in each row the backends come in an order of a Williams
    design (see `harness.plan.order`). Everything random comes from `request.seed`.

    Raises:
        NothingSelectedError: nothing matches.
        UsageError: an unknown or impossible name, option, parameter or value.
    """
    expansion = _Expansion(request, catalogue)
    return expansion.plan({row: expansion.first_rounds(row) for row in expansion.rows})


def plan_rounds(
    request: Request, catalogue: Catalogue, rounds: Mapping[RowId, range], works: Iterable[RowWork] = ()
) -> Plan:
    """Return the cells of these rounds only: those that a request with a budget runs after its first rounds.

    `works` has the amount of work for the cells of a row, where that was found out.
    """
    return assign_work(_Expansion(request, catalogue).plan(rounds), works)


def assign_work(plan: Plan, works: Iterable[RowWork]) -> Plan:
    """Return the plan with the work that was found right for its rows."""
    known = {work.row: work for work in works}
    cells = (known[cell.row].assign(cell, plan.seed) if cell.row in known else cell for cell in plan.cells)
    return msgspec.structs.replace(plan, cells=tuple(cells))


def find_scalable(request: Request, catalogue: Catalogue) -> dict[str, Parameter]:
    """Return the parameter for the amount of work, by scenario; none where the user set that amount."""
    expansion = _Expansion(request, catalogue)
    return {row.scenario: found for row in expansion.rows if (found := expansion.find_scale(row)) is not None}


class _Expansion:
    """A request beside its selection."""

    def __init__(self, request: Request, catalogue: Catalogue) -> None:
        self._request = request
        self._catalogue = catalogue
        self._scenarios = {scenario.name: scenario for scenario in select_scenarios(request.scenarios, catalogue)}
        self._perturb = parse_perturbations(request.perturb, catalogue.perturbations)
        self._limits = parse_limits(request.limits)
        self._columns = Columns(request, catalogue, tuple(self._scenarios.values()))
        self.rows = choose_part(_rows(request, tuple(self._scenarios.values())), request.partition)

    def first_rounds(self, row: RowId) -> range:
        """Return the rounds that a row has before its figures were looked at.

        Where there are several, and its amount of work can be chosen, one for that comes before them.
        """
        stress = self._request.stress_count if self._scenarios[row.scenario].side_by_side else 0
        rounds = max(self._request.rounds, stress)
        has_trial = rounds >= LEAST_ROUNDS and self.find_scale(row) is not None
        return range(TRIAL_ROUND if has_trial else 1, rounds + 1)

    def find_scale(self, row: RowId) -> Parameter | None:
        """Return the parameter that says a row's amount of work, if that is ours to choose."""
        scenario = self._scenarios[row.scenario]
        if not self._is_measured(scenario) or scenario.work in dict(self._request.parameters):
            return None
        return next((known for known in scenario.parameters if known.name == scenario.work), None)

    def _is_measured(self, scenario: Scenario) -> bool:
        judge = scenario.judges.get(scenario.headline)
        return judge is not None and judge.is_measured and not self._request.saboteurs

    def plan(self, rounds: Mapping[RowId, range]) -> Plan:
        """Return the cells of these rounds of each row, as sweeps."""
        cells: list[Cell] = []
        skipped: list[SkippedCell] = []
        for cell in self._cells(rounds):
            column = (cell.roles[0].backend, cell.roles[-1].backend)
            if reason := self._skip_reason(self._scenarios[cell.scenario], column, cell.assigned):
                skipped.append(SkippedCell(cell=cell, reason=reason))
            else:
                cells.append(cell)
        backends, variants = self._columns.specs()
        return Plan(
            cells=tuple(cells),
            skipped=tuple(skipped),
            backends=backends,
            variants=variants,
            scenarios=tuple(name for name in self._scenarios if any(row.scenario == name for row in self.rows)),
            seed=self._request.seed,
            baseline=self._columns.baseline,
            judges_figures=self._request.judges_figures,
        )

    def _cells(self, rounds: Mapping[RowId, range]) -> Iterator[Cell]:
        seed = self._request.seed
        for number in sorted({number for numbers in rounds.values() for number in numbers}):
            sweep = [row for row in self.rows if number in rounds.get(row, ())]
            random.Random(f"{seed}/{number}").shuffle(sweep)  # noqa: S311 - an order, not a secret
            for row in sweep:
                scenario = self._scenarios[row.scenario]
                is_trial = number == TRIAL_ROUND  # of who can run, each once
                able, unable = self._arms(scenario, row, 1 if is_trial else rounds[row].stop - 1)
                unable = () if is_trial else unable
                for column, alias in (*arrange(able, number, f"{seed}/{row}"), *unable):
                    yield self._cell(scenario, row, column, number, alias=alias)

    def _cell(self, scenario: Scenario, row: RowId, column: Column, number: int, *, alias: bool) -> Cell:
        request, (server, client) = self._request, column
        roles = tuple(RoleBackend(role, client if role == "client" else server) for role in scenario.roles)
        digest = hashlib.sha256(f"{request.seed}/{row}/{number}".encode()).digest()
        return Cell(
            scenario=scenario.name,
            roles=roles,
            parameters=row.parameters,
            round=number,
            seed=int.from_bytes(digest[:4]),
            timeout=scenario.timeout if request.timeout is None else request.timeout,
            hang_after=scenario.hang_after,
            perturb=self._perturb,
            alias=alias,
            limits=self._limits,
            retries=request.retries,
            executor=request.executor,
        )

    def _arms(self, scenario: Scenario, row: RowId, rounds: int) -> tuple[tuple[Arm, ...], tuple[Arm, ...]]:
        """Return the columns that can run, and those that cannot, which have no place in the order.

        The reference is among the former once more, where its figures are enough to check ourselves by.
        """
        arms = [(column, False) for column in self._columns.by_scenario[scenario.name]]
        unable = tuple(arm for arm in arms if self._skip_reason(scenario, arm[0], dict(row.parameters)))
        able = tuple(arm for arm in arms if arm not in unable)
        reference = self._columns.reference
        if reference is not None and rounds >= LEAST_ROUNDS and self._is_measured(scenario) and len(able) > 1:
            able += tuple((column, True) for column, _ in able if column == reference)
        return able, unable

    def _skip_reason(self, scenario: Scenario, column: Column, assigned: Mapping[str, Value]) -> str:
        refusal = self._columns.refusals.get((scenario.name, column[0]))
        needs = scenario.needs(assigned)
        return refusal or _lacks(column, scenario, needs, self._catalogue) or self._gap(needs, column)

    def _gap(self, needs: tuple[Capability, ...], column: Column) -> str:
        """Return the gap of the candidate that a cell depends on, as its check found it before the run."""
        candidate = self._request.candidate
        if candidate is None or not is_variant(column[0], parse_spec(candidate.backend, self._catalogue)):
            return ""
        needed = {*map(str, needs), *(f"{key}={value}" for key, value in column[0].options)}
        return next((f"{gap.name}: {gap.gap}" for gap in candidate.gaps if needed & set(gap.gates)), "")


def _rows(request: Request, scenarios: tuple[Scenario, ...]) -> tuple[RowId, ...]:
    named = _named_values(request)
    known = {parameter.name for scenario in scenarios for parameter in scenario.parameters}
    for name in named:
        if name not in known:
            raise UsageError(f"no selected scenario has a parameter {name!r}{nearest(name, known)}")
    found: dict[RowId, None] = {}
    for scenario in scenarios:
        for assignment in _assignments(scenario, request.preset, named):
            found[RowId(scenario.name, tuple(sorted(assignment.items())))] = None
    return tuple(found)


def _named_values(request: Request) -> dict[str, list[str]]:
    named: dict[str, list[str]] = defaultdict(list)
    for name, text in request.parameters:
        named[name] += text.split(",")
    return named


def _assignments(scenario: Scenario, preset: str, named: dict[str, list[str]]) -> Iterator[dict[str, Value]]:
    own = {parameter.name: parameter for parameter in scenario.parameters}
    axes = {name: [parse_value(own[name], text) for text in texts] for name, texts in named.items() if name in own}
    for row in scenario.preset_rows(preset) if preset else ({},):
        for values in product(*axes.values()):
            yield row | dict(zip(axes, values, strict=True))


def _lacks(column: Column, scenario: Scenario, needs: tuple[Capability, ...], catalogue: Catalogue) -> str:
    for spec in column:
        backend = catalogue.backend_of(spec)
        if elsewhere := scenario.exclusion_of(backend):
            return elsewhere
        for capability in needs:
            offer = backend.offer(capability, dict(spec.options))
            if offer.support is Support.ABSENT:
                return f"{backend.name} has no {capability}" + (f": {offer.note}" if offer.note else "")
    return ""
