"""What is run: backend specs, cells, requests and plans."""

from __future__ import annotations

import re

import msgspec

from harness.api import Value

_UNSAFE = re.compile(r"[^A-Za-z0-9=,.+-]+")


LEAST_ROUNDS = 6
"""With fewer, no interval has 95 % confidence: there are ratios, and no verdict on them."""


class BackendSpec(msgspec.Struct, frozen=True, order=True):
    """A backend and its options: `name[:key=value,...]`. `str()` is the canonical text and the label in reports."""

    name: str
    options: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        if not self.options:
            return self.name
        return f"{self.name}:{','.join(f'{key}={value}' for key, value in self.options)}"


class RoleBackend(msgspec.Struct, frozen=True, order=True):
    """One role of a cell and the backend it runs on."""

    role: str
    backend: BackendSpec


class RowId(msgspec.Struct, frozen=True):
    """What is compared: a scenario with its parameters. Its cells differ only in backend and round."""

    scenario: str
    parameters: tuple[tuple[str, Value], ...]

    def __str__(self) -> str:
        return f"{self.scenario}{format_parameters(self.parameters)}"


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """Scenario × backend of each role × parameters × round. It runs in its own process(es), always.

    `parameters` holds only what differs from the scenario's defaults, sorted by name; `settings` what the user set
    for all cells alike. `seed` is the same for all cells of a row and round.
    """

    scenario: str
    roles: tuple[RoleBackend, ...]
    parameters: tuple[tuple[str, Value], ...] = ()
    round: int = 1
    seed: int = 0
    timeout: float = 60.0
    hang_after: float = 10.0
    perturb: tuple[tuple[str, str], ...] = ()
    """What disturbs it, the same for all cells of a run; sizes in bytes."""
    alias: bool = False
    """The reference once more in the same round. Its facts are that backend's; its figures are compared with those of
    its twin, to see whether we call identical code different."""

    @property
    def id(self) -> str:
        """Canonical text, unique in a run: `channel[capacity=1]@trio#1`, `channel[capacity=1]@trio(again)#1`."""
        return f"{self.row}@{self.label}{'(again)' if self.alias else ''}#{self.round}"

    @property
    def row(self) -> RowId:
        """The row that the cell belongs to."""
        return RowId(self.scenario, self.parameters)

    @property
    def label(self) -> str:
        """The column: the backend, or `server=trio+client=uvloop` where the roles differ."""
        backends = {str(assigned.backend) for assigned in self.roles}
        if len(backends) == 1:
            return backends.pop()
        return "+".join(f"{assigned.role}={assigned.backend}" for assigned in self.roles)

    @property
    def slug(self) -> str:
        """A file name: safe characters only, with a digest so that two cells never share one."""
        import hashlib  # a worker never needs it

        digest = hashlib.sha256(self.id.encode()).hexdigest()[:8]
        return f"{_UNSAFE.sub('_', self.id).strip('._')[:120]}-{digest}"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asked for, as it was said: input of planning."""

    backends: tuple[str, ...] = ()
    """Backend specs or globs over backend names; empty is every backend."""
    scenarios: tuple[str, ...] = ()
    """Scenario names or globs; empty is every scenario."""
    preset: str = "default"
    """Whose rows are run; empty is one row of each scenario's default parameters."""
    parameters: tuple[tuple[str, str], ...] = ()
    """`--param name=value[,value]`: replaces the preset's values of that parameter; several values are several rows."""
    rounds: int = 1
    seed: int = 0
    timeout: float | None = None
    """Hard limit of each cell in seconds instead of the scenario's."""
    perturb: tuple[str, ...] = ()
    """What disturbs every cell, e.g. `one-cpu,nofile=64`."""
    saboteurs: bool = False
    """Instead of the backends, run those that are broken on purpose, beside the healthy one that they break."""
    pairs: bool = False
    """Run each server against each client, in scenarios that have both roles."""
    variants: bool = False
    """Also run every backend with each of its other idioms."""
    server: str | None = None
    client: str | None = None
    """Backend spec of that role; the other role takes each selected backend."""
    baseline: str | None = None
    """Backend spec that ratios refer to; nothing is the first column."""
    budget: float | None = None
    """Seconds to spend: rows with figures get at least as many rounds as an interval needs, and what is left goes to
    the widest intervals. Nothing is `rounds` of each row."""
    allow_disparity: bool = False
    """Give ratios also where what makes them comparable differs."""


class SkippedCell(msgspec.Struct, frozen=True, kw_only=True):
    """A planned cell that is known before the run not to run: `UNSUPPORTED`, with the capability and the reason."""

    cell: Cell
    reason: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The cells of a run in the order in which they run, and those that cannot.

    `backends` and `scenarios` are in the order of the request, for reports. `variants` are those of the backends that
    nobody asked for by name: a scenario named them, or the request wants all.
    """

    cells: tuple[Cell, ...]
    skipped: tuple[SkippedCell, ...] = ()
    backends: tuple[BackendSpec, ...] = ()
    variants: tuple[BackendSpec, ...] = ()
    scenarios: tuple[str, ...] = ()
    seed: int = 0
    baseline: str = ""
    """Label of the column that ratios refer to; empty is the first one."""


def format_parameters(parameters: tuple[tuple[str, Value], ...]) -> str:
    """Return `[capacity=1,consumers=5]`, or nothing for no parameters."""
    if not parameters:
        return ""
    return f"[{','.join(f'{name}={format_value(value)}' for name, value in parameters)}]"


def format_value(value: Value) -> str:
    """Return a parameter's value as it is written on the command line."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
