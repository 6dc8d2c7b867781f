"""The units of a run: backend specs, cells, requests and plans."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from harness.api import Value

from .candidate import Candidate
from .executor import LOCAL
from .suite import Suite

_UNSAFE = re.compile(r"[^A-Za-z0-9=,.+-]+")


LEAST_ROUNDS = 6
"""With fewer, no interval has 95 % confidence: there are ratios, and no verdict on them."""
TRIAL_ROUND = 0
"""Before the first round: its cells find the amount of work for the others."""


class BackendSpec(msgspec.Struct, frozen=True, order=True):
    """A backend, where it runs and its options: `name[==version][@environment][:key=value,...]`.

    `str()` is the canonical text and the label in reports.
    """

    name: str
    """Of the backend."""
    options: tuple[tuple[str, str], ...] = ()
    """Keys and values, in canonical order."""
    environment: str = ""
    """Name of the environment that its workers run in; empty is the runner's own, if no version is asked for."""
    version: str = ""
    """That the runtime must have there."""

    def __str__(self) -> str:
        version = f"=={self.version}" if self.version else ""
        environment = f"@{self.environment}" if self.environment else ""
        options = f":{','.join(f'{key}={value}' for key, value in self.options)}" if self.options else ""
        return f"{self.name}{version}{environment}{options}"

    @property
    def place(self) -> str:
        """Name of the environment: `py313`, `trio-0.29` for `trio==0.29`, empty for the runner's own."""
        return self.environment or (f"{self.name}-{self.version}" if self.version else "")

    @property
    def anywhere(self) -> BackendSpec:
        """The backend with its options, wherever it runs."""
        return BackendSpec(self.name, self.options)


def _label(roles: Iterable[tuple[str, BackendSpec]]) -> str:
    texts = [(role, str(backend)) for role, backend in roles]
    backends = {backend for _, backend in texts}
    return backends.pop() if len(backends) == 1 else "+".join(f"{role}={backend}" for role, backend in texts)


class RoleBackend(msgspec.Struct, frozen=True, order=True):
    """One role of a cell and the backend it runs on."""

    role: str
    """Name of the role."""
    backend: BackendSpec
    """The backend that it runs on."""


class RowId(msgspec.Struct, frozen=True):
    """The unit of comparison: a scenario with its parameters. Its cells differ only in backend and round."""

    scenario: str
    """Name of the scenario."""
    parameters: tuple[tuple[str, Value], ...]
    """What differs from the scenario's defaults, sorted by name."""

    def __str__(self) -> str:
        return f"{self.scenario}{format_parameters(self.parameters)}"


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """Scenario × backend of each role × parameters × round. It runs in its own process(es), always.

    `parameters` holds only values that differ from the scenario's defaults, sorted by name; `settings` those set
    for all cells alike. `seed` is the same for all cells of a row and round.
    """

    scenario: str
    """Name of the scenario."""
    roles: tuple[RoleBackend, ...]
    """Each role with its backend, in the order in which they are started."""
    parameters: tuple[tuple[str, Value], ...] = ()
    round: int = 1
    """The number of the repetition, from 1."""
    seed: int = 0
    timeout: float = 60.0
    """Seconds that it may take."""
    hang_after: float = 10.0
    """Seconds without progress after which it hangs."""
    perturb: tuple[tuple[str, str], ...] = ()
    """What disturbs it, the same for all cells of a run; sizes in bytes."""
    alias: bool = False
    """The reference once more in the same round. Its facts are that backend's; its figures are compared with those of
    its twin, to see whether we call identical code different."""
    limits: tuple[tuple[str, int], ...] = ()
    """Limits set by the user, the same for all cells of a run; sizes in bytes. The rest is `DEFAULT_LIMITS`."""
    retries: int = 0
    """How often it may be run again if it hangs, crashes or raises."""
    work: tuple[str, int] | None = None
    """A parameter and its value instead of the row's: how much is done for one value of the headline. It is chosen
    while the run goes on (see `RowWork`), and no part of the comparison."""
    executor: str = LOCAL.name
    """What starts its processes, the same for all cells of a run."""

    @property
    def assigned(self) -> dict[str, Value]:
        """The parameters that its worker gets; the others have their defaults."""
        return dict(self.parameters) | dict([self.work] if self.work else [])

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
        return _label((assigned.role, assigned.backend) for assigned in self.roles)

    @property
    def label_anywhere(self) -> str:
        """The label without environments and versions: known differences hold wherever a backend runs."""
        return _label((assigned.role, assigned.backend.anywhere) for assigned in self.roles)

    @property
    def slug(self) -> str:
        """A file name: safe characters only, with a digest so that two cells never share one."""
        import hashlib  # a worker never needs it

        digest = hashlib.sha256(self.id.encode(errors="replace")).hexdigest()[:8]
        return f"{make_file_name(self.id)}-{digest}"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The user's request, as entered: input of planning."""

    backends: tuple[str, ...] = ()
    """Backend specs or globs over backend names; empty is every backend."""
    scenarios: tuple[str, ...] = ()
    """Scenario names or globs; empty is every scenario."""
    preset: str = "default"
    """Preset that the rows come from; empty is one row of each scenario's default parameters."""
    parameters: tuple[tuple[str, str], ...] = ()
    """`--param name=value[,value]`: replaces the preset's values of that parameter; several values are several rows."""
    rounds: int = 1
    """How many repetitions of each cell."""
    seed: int = 0
    """What seeds of cells and the order of execution come from."""
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
    """The backend of the role `server`, where the roles have different ones."""
    client: str | None = None
    """Backend spec of that role; the other role takes each selected backend."""
    baseline: str | None = None
    """Backend spec that ratios refer to; nothing is the first column."""
    budget: float | None = None
    """Seconds to spend: rows with figures get at least as many rounds as an interval needs; remaining time goes to
    the widest intervals. Nothing is `rounds` of each row."""
    bounded: bool = False
    """Whether the budget also bounds the first round: the run ends by then, whatever is left out."""
    allow_disparity: bool = False
    """Give ratios also where what makes them comparable differs."""
    limits: tuple[str, ...] = ()
    """Limits of a cell, instead of the defaults, e.g. `memory=512M,processes=64`."""
    fail_fast: bool = False
    """Stop after the first cell that shows something unexpected by itself."""
    max_hangs: int | None = None
    """Stop after so many cells have hung."""
    retries: int = 0
    """How often a cell that hangs, crashes or raises is run again."""
    stress_count: int = 1
    """Rounds of scenarios that measure nothing, if that is more than `rounds`."""
    stress_duration: float | None = None
    """Seconds for which rounds of scenarios that measure nothing are added."""
    partition: str = ""
    """`2/4`: the second quarter of the rows."""
    environments: tuple[tuple[str, str], ...] = ()
    """Interpreter of each environment in use, by its name; relative for one below `.harness/envs`."""
    executor: str = LOCAL.name
    """Name of what starts the processes of every cell."""
    candidate: Candidate | None = None
    """A backend that shall replace another one: both are run with the idioms that scenarios name, and what differs is
    run again."""
    suite: Suite | None = None
    """The test suite whose tests are the rows, instead of scenarios."""

    @property
    def judges_figures(self) -> bool:
        """Whether ratios may get an interval; else they are a first impression, without a verdict."""
        return self.budget is not None or self.rounds >= LEAST_ROUNDS


class SkippedCell(msgspec.Struct, frozen=True, kw_only=True):
    """A planned cell that is known before the run not to run: `UNSUPPORTED`, with the capability and the reason."""

    cell: Cell
    """The cell that does not run."""
    reason: str
    """Why not."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The cells of a run in the order in which they run, and those that cannot.

    `backends` and `scenarios` are in the order of the request, for reports. `variants` are those of the backends that
    were not requested by name: a scenario named them, or the request wants all.
    """

    cells: tuple[Cell, ...]
    """The cells, in the order in which they run."""
    skipped: tuple[SkippedCell, ...] = ()
    """What cannot run."""
    backends: tuple[BackendSpec, ...] = ()
    variants: tuple[BackendSpec, ...] = ()
    scenarios: tuple[str, ...] = ()
    seed: int = 0
    """Of the run."""
    baseline: str = ""
    """Label of the column that ratios refer to; empty is the first one."""
    judges_figures: bool = True
    """As in the request."""


def make_file_name(text: str) -> str:
    """Return text as part of a file name: safe characters only, so that it stays in its folder."""
    return _UNSAFE.sub("_", text).strip("._")[:120]


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
