"""Expand a request into cells, in an order that favours nobody."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING

from harness.api import Metric, Scenario, Support, Value
from harness.model import LEAST_ROUNDS, Cell, Plan, Request, RoleBackend, RowId, SkippedCell, UsageError

from .columns import Column, Columns
from .perturb import parse_perturbations
from .select import select_scenarios
from .spec import nearest, parse_value

if TYPE_CHECKING:
    from harness.plugins import Catalogue


Arm = tuple[Column, bool]
"""A column, and whether it is the alias of the reference."""


def make_plan(request: Request, catalogue: Catalogue) -> Plan:
    """Return the cells of a request, in the order in which they run.

    Each round is a sweep over all rows in random order, and in each row every backend in an order that rotates
    over the rounds. Everything random comes from `request.seed`.

    Raises:
        NothingSelectedError: nothing matches.
        UsageError: an unknown or impossible name, option, parameter or value.
    """
    expansion = _Expansion(request, catalogue)
    return expansion.plan({row: range(1, request.rounds + 1) for row in expansion.rows})


def plan_rounds(request: Request, catalogue: Catalogue, rounds: Mapping[RowId, range]) -> Plan:
    """Return the cells of these rounds only: what a request with a budget runs after its first rounds."""
    return _Expansion(request, catalogue).plan(rounds)


class _Expansion:
    """A request beside what it selects."""

    def __init__(self, request: Request, catalogue: Catalogue) -> None:
        self._request = request
        self._catalogue = catalogue
        self._scenarios = {scenario.name: scenario for scenario in select_scenarios(request.scenarios, catalogue)}
        self._columns = Columns(request, catalogue, tuple(self._scenarios.values()))
        self.rows = _rows(request, tuple(self._scenarios.values()))

    def _is_measured(self, scenario: Scenario) -> bool:
        return isinstance(scenario.judges.get(scenario.headline), Metric) and not self._request.saboteurs

    def plan(self, rounds: Mapping[RowId, range]) -> Plan:
        """Return the cells of these rounds of each row, as sweeps."""
        cells: list[Cell] = []
        skipped: list[SkippedCell] = []
        for cell in self._cells(rounds):
            column = (cell.roles[0].backend, cell.roles[-1].backend)
            if reason := self._why_not(self._scenarios[cell.scenario], column):
                skipped.append(SkippedCell(cell=cell, reason=reason))
            else:
                cells.append(cell)
        backends, variants = self._columns.specs()
        return Plan(
            cells=tuple(cells),
            skipped=tuple(skipped),
            backends=backends,
            variants=variants,
            scenarios=tuple(self._scenarios),
            seed=self._request.seed,
            baseline=self._columns.baseline,
        )

    def _cells(self, rounds: Mapping[RowId, range]) -> Iterator[Cell]:
        seed = self._request.seed
        for number in sorted({number for numbers in rounds.values() for number in numbers}):
            sweep = [row for row in self.rows if number in rounds.get(row, ())]
            random.Random(f"{seed}/{number}").shuffle(sweep)  # noqa: S311 - an order, not a secret
            for row in sweep:
                arms = self._arms(self._scenarios[row.scenario], rounds[row].stop - 1)
                for column, alias in _rotated(arms, row, number, seed):
                    yield _cell(self._request, self._scenarios[row.scenario], row, column, number, alias=alias)

    def _arms(self, scenario: Scenario, rounds: int) -> tuple[Arm, ...]:
        """Return the columns, and the reference once more where its figures are enough to check ourselves by."""
        columns = self._columns.of[scenario.name]
        arms = tuple((column, False) for column in columns)
        reference = self._columns.reference
        if reference is None or rounds < LEAST_ROUNDS or not self._is_measured(scenario):
            return arms
        able = [column for column in columns if not self._why_not(scenario, column)]
        return (*arms, (reference, True)) if reference in able and len(able) > 1 else arms

    def _why_not(self, scenario: Scenario, column: Column) -> str:
        refusal = self._columns.refusals.get((scenario.name, column[0]))
        return refusal or _lacks(column, scenario, self._catalogue)


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


def _rotated(arms: tuple[Arm, ...], row: RowId, number: int, seed: int) -> tuple[Arm, ...]:
    # A random base order for each row, rotated by one each round: over as many rounds as there are arms, each of
    # them is in each position once.
    order = list(arms)
    random.Random(f"{seed}/{row}").shuffle(order)  # noqa: S311 - an order, not a secret
    shift = (number - 1) % max(1, len(order))  # a scenario that need catch no planted fault has no columns
    return (*order[shift:], *order[:shift])


def _cell(request: Request, scenario: Scenario, row: RowId, column: Column, number: int, *, alias: bool) -> Cell:
    server, client = column
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
        perturb=parse_perturbations(request.perturb),
        alias=alias,
    )


def _lacks(column: Column, scenario: Scenario, catalogue: Catalogue) -> str:
    for spec in column:
        backend = catalogue.backend(spec.name)
        for capability in scenario.requires:
            offer = backend.offer(capability, dict(spec.options))
            if offer.support is Support.ABSENT:
                return f"{backend.name} has no {capability}" + (f": {offer.note}" if offer.note else "")
    return ""
