"""Find the backend at fault when a pair fails.

A server that fails with every client, a client that fails with every server, or only one combination.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace

import msgspec

from harness.model import Cell, Finding

from .findings import Judgement
from .rows import Row

Pair = tuple[str, str]
"""The backends of the first role (the server) and of the second."""


def name_culprits(row: Row, judgements: Iterable[Judgement]) -> list[Judgement]:
    """Return the judgements of a row; where its pairs were run, each unexpected finding names its culprit."""
    tested = {pair for cell in row.ran if (pair := _pair_of(cell.cell)) is not None}
    if all(server == client for server, client in tested):
        return list(judgements)
    pair_of_label = {cell.label: pair for cell in row.cells if (pair := _pair_of(cell.cell)) is not None}

    def named(finding: Finding) -> Finding:
        failing = {pair_of_label[label] for label in finding.backends if label in pair_of_label}
        if not finding.kind.unexpected or not failing:
            return finding
        return msgspec.structs.replace(finding, culprit=describe_culprits(failing & tested or failing, tested))

    return [replace(judgement, finding=named(judgement.finding)) for judgement in judgements]


def describe_culprits(failing: AbstractSet[Pair], tested: AbstractSet[Pair]) -> tuple[str, ...]:
    """Return a line for each culprit, and one for each pair that no culprit explains.

    A backend is at fault in a role if it failed with more than half of its peers, at least two, while the pairs
    without it mostly did not: one percent of lost connections does not show with every peer every time. A line
    also gives the result of the same backend in the other role.
    """
    if len(tested) > 1 and failing == tested:
        return ("every pair fails: look at the scenario first",)
    lines: list[str] = []
    explained: set[Pair] = set()
    for position, role, other_role in ((0, "server", "client"), (1, "client", "server")):
        for name in sorted({pair[position] for pair in failing}):
            own = {pair for pair in tested if pair[position] == name}
            bad = own & failing
            unexplained = own - explained
            if len(bad - explained) < 2 or 2 * len(bad - explained) <= len(unexplained):
                continue
            explained |= bad
            lines.append(
                f"{name} as {role}: fails with {len(bad)} of {len(own)} {other_role}s; "
                f"{_in_other_role(name, position, failing, tested)}"
            )
    lines += [f"only the combination of server {s} and client {c}" for s, c in sorted(failing - explained)]
    return tuple(lines)


def _in_other_role(name: str, position: int, failing: AbstractSet[Pair], tested: AbstractSet[Pair]) -> str:
    # A pair with itself has no information about the other role: there it is in both.
    own = {pair for pair in tested if pair[1 - position] == name and pair[position] != name}
    role = ("server", "client")[1 - position]
    return f"as {role} with others: {len(own & failing)} of {len(own)}"


def _pair_of(cell: Cell) -> Pair | None:
    roles = cell.roles
    return (str(roles[0].backend), str(roles[1].backend)) if len(roles) == 2 else None
