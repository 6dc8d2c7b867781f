"""Expand a request into cells, in an order that favours nobody."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

from harness.api import Scenario, Support, Value
from harness.model import BackendSpec, Cell, Plan, Request, RoleBackend, RowId, SkippedCell, UsageError

from .select import select_backends, select_scenarios
from .spec import nearest, parse_spec, parse_value

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
    alone, paired = _columns(request, catalogue, scenarios)
    rows = _rows(request, tuple(scenarios.values()))
    cells: list[Cell] = []
    skipped: list[SkippedCell] = []
    for number in range(1, request.rounds + 1):
        shuffled = list(rows)
        random.Random(f"{request.seed}/{number}").shuffle(shuffled)  # noqa: S311 - an order, not a secret
        for row in shuffled:
            columns = paired if len(scenarios[row.scenario].roles) > 1 else alone
            for column in _rotated(columns, row, number, request.seed):
                cell = _cell(request, scenarios[row.scenario], row, column, number)
                reason = _lacks(cell, scenarios[row.scenario], catalogue)
                if reason:
                    skipped.append(SkippedCell(cell=cell, reason=reason))
                else:
                    cells.append(cell)
    return Plan(
        cells=tuple(cells),
        skipped=tuple(skipped),
        backends=tuple(dict.fromkeys(spec for column in (*alone, *paired) for spec in column)),
        scenarios=tuple(scenarios),
        seed=request.seed,
    )


Column = tuple[BackendSpec, BackendSpec]
"""Server's and client's backend; the same for a scenario with one role."""


def _columns(
    request: Request, catalogue: Catalogue, scenarios: dict[str, Scenario]
) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
    """Return the columns of scenarios with one role, and of those with two."""
    if request.server is None and request.client is None:
        specs = select_backends(request.backends, catalogue)
        alone = tuple((spec, spec) for spec in specs)
        return alone, tuple(product(specs, specs)) if request.pairs else alone
    _check_roles(request, scenarios)
    others = select_backends(request.backends, catalogue) if not (request.server and request.client) else ()
    servers = (parse_spec(request.server, catalogue),) if request.server else others
    clients = (parse_spec(request.client, catalogue),) if request.client else others
    return (), tuple(product(servers, clients))


def _check_roles(request: Request, scenarios: dict[str, Scenario]) -> None:
    if request.server and request.client and request.backends:
        raise UsageError("--server and --client leave no role for --backend; leave one of the three out")
    for scenario in scenarios.values():
        if len(scenario.roles) < 2:
            raise UsageError(f"scenario {scenario.name!r} has one role; --server and --client need two")
        for role, spec in (("server", request.server), ("client", request.client)):
            if spec is not None and role not in scenario.roles:
                raise UsageError(f"scenario {scenario.name!r} has no role {role!r}{nearest(role, scenario.roles)}")


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
    shift = (number - 1) % len(order)
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
    )


def _lacks(cell: Cell, scenario: Scenario, catalogue: Catalogue) -> str:
    for assigned in cell.roles:
        backend = catalogue.backend(assigned.backend.name)
        for capability in scenario.requires:
            offer = backend.offer(capability)
            if offer.support is Support.ABSENT:
                return f"{backend.name} has no {capability}" + (f": {offer.note}" if offer.note else "")
    return ""
