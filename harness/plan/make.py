"""Expand a request into cells, in an order that favours nobody."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

from harness.api import Scenario, Support, Value
from harness.model import Cell, Plan, Request, RoleBackend, RowId, SkippedCell, UsageError

from .columns import Column, Columns
from .perturb import parse_perturbations
from .select import select_scenarios
from .spec import nearest, parse_value

if TYPE_CHECKING:
    from harness.plugins import Catalogue


def make_plan(request: Request, catalogue: Catalogue) -> Plan:
    """Return the cells of a request, in the order in which they run.

    Each round is a sweep over all rows in random order, and in each row every backend in an order that rotates
    over the rounds. Everything random comes from `request.seed`.

    Raises:
        NothingSelectedError: nothing matches.
        UsageError: an unknown or impossible name, option, parameter or value.
    """
    scenarios = {scenario.name: scenario for scenario in select_scenarios(request.scenarios, catalogue)}
    columns = Columns(request, catalogue, tuple(scenarios.values()))
    rows = _rows(request, tuple(scenarios.values()))
    cells: list[Cell] = []
    skipped: list[SkippedCell] = []
    for number in range(1, request.rounds + 1):
        shuffled = list(rows)
        random.Random(f"{request.seed}/{number}").shuffle(shuffled)  # noqa: S311 - an order, not a secret
        for row in shuffled:
            for column in _rotated(columns.of[row.scenario], row, number, request.seed):
                cell = _cell(request, scenarios[row.scenario], row, column, number)
                reason = columns.refusals.get((row.scenario, column[0])) or _lacks(
                    cell, scenarios[row.scenario], catalogue
                )
                if reason:
                    skipped.append(SkippedCell(cell=cell, reason=reason))
                else:
                    cells.append(cell)
    backends, variants = columns.specs()
    return Plan(
        cells=tuple(cells),
        skipped=tuple(skipped),
        backends=backends,
        variants=variants,
        scenarios=tuple(scenarios),
        seed=request.seed,
        baseline=columns.baseline,
    )


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


def _rotated(columns: tuple[Column, ...], row: RowId, number: int, seed: int) -> tuple[Column, ...]:
    # A random base order for each row, rotated by one each round: over as many rounds as there are columns,
    # each of them is in each position once.
    order = list(columns)
    random.Random(f"{seed}/{row}").shuffle(order)  # noqa: S311 - an order, not a secret
    shift = (number - 1) % max(1, len(order))  # a scenario that need catch no planted fault has no columns
    return (*order[shift:], *order[:shift])


def _cell(request: Request, scenario: Scenario, row: RowId, column: Column, number: int) -> Cell:
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
    )


def _lacks(cell: Cell, scenario: Scenario, catalogue: Catalogue) -> str:
    for assigned in cell.roles:
        backend = catalogue.backend(assigned.backend.name)
        for capability in scenario.requires:
            offer = backend.offer(capability, dict(assigned.backend.options))
            if offer.support is Support.ABSENT:
                return f"{backend.name} has no {capability}" + (f": {offer.note}" if offer.note else "")
    return ""
