"""Declarations of a scenario: its question, parameters, roles and how each observation is judged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import product
from types import MappingProxyType
from typing import Any, Protocol

import msgspec

from .backend import UNORDERED, Backend, BackendRunner, Capability
from .errors import UnsupportedError
from .judges import Judge
from .runtime import Runtime

ENDING = "ending"
"""A scenario that judges this key asks how a run ends: the worker observes it after the runtime has ended, as
`returns`, `raises NAME` or `exits CODE`, and the cell counts as completed."""
RAISED = "raised"
"""The observation key of the exceptions that the calls of a question raised: class and errno, not their
meaning (`ConnectionResetError(104)`)."""
HANG_TASKS = "tasks at the hang"
"""A question that ends a trial by its own deadline observes under this key where each task was: its answer is then a
hang, if it breaks the contract."""
ORDER = "order of steps"
"""A question that is asked under other orders observes under this key the first order that gave each answer, by which
the answer is given again."""
NO_FIGURE = "no figure because"
"""A scenario that withholds its headline observes under this key why, in words and numbers, and what to do."""
RETURNS = "returns"
"""The ending of a run that no exception left."""

Value = str | int | float | bool | None
"""A parameter's value. `None` is written `none` on the command line."""

PRESETS = ("quick", "default", "thorough", "stress")
"""Sizes of a run, the smallest first."""


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter. Its type is the type of `default` (`nullable` admits `none` beside it)."""

    name: str
    """As in `--param name=value`."""
    default: Value
    summary: str
    """Effect of the parameter, on one line."""
    unit: str = ""
    """Of a number, as shown behind it."""
    choices: tuple[Value, ...] = ()
    """The values that it may have; empty for any."""
    at_least: float | None = None
    """The least that a number may be."""
    at_most: float | None = None
    """The most that a number may be."""
    nullable: bool = False
    requires: tuple[Capability, ...] = ()
    """Capabilities without which any value but the default is unsupported."""


class Probe(Protocol):
    """A role's recorder and its channel to the other roles of the cell. Created by the worker, one for each role.

    All methods may be called from any task and, on threads, from any thread.
    """

    role: str
    """The role that this process plays."""
    parameters: Mapping[str, Any]
    """Every declared parameter with its value in this cell."""
    seed: int
    """Seed of this cell; the same on all backends of a round."""

    def observe(self, key: str, value: object) -> None:
        """Record a fact at once.

        `key` must be declared in `judges`; `value` is JSON-able. May be repeated: then the key has several values
        (samples of a metric, repetitions of an outcome).
        """

    def step(self, actor: str, what: str) -> None:
        """Record that an actor (task) reached a step of the trace."""

    def advance(self, count: int = 1) -> None:
        """Report progress: `count` more units of work are done. Costs less than 0.1 µs and no system call.

        Progress distinguishes a slow cell from a hung one, so call it wherever work advances (in hot loops every
        few hundred units).
        """

    def driving(self, what: str) -> AbstractContextManager[None]:
        """Mark a block that drives the question (a helper thread that sends a signal, say) and must end by itself.

        A cell that makes no progress while its driver is in such a block has no bearing on the runtime: it is a
        harness fault that names `what`, and no hang.
        """

    def describe_tasks(self) -> list[str]:
        """Return a line for each live task with where it waits, for a question that gives up waiting."""

    def looking_after(self, seconds: float) -> AbstractContextManager[list[str]]:
        """Describe the tasks if the block has not ended after so many seconds; its list is empty until then.

        The look disturbs nothing: it is taken from a thread of its own, and wakes no scheduler.
        """

    def share(self, key: str, value: object) -> None:
        """Publish a value (JSON-able) to the other roles, e.g. the address that the server listens on."""

    async def receive(self, key: str) -> Any:
        """Wait until another role has shared `key` and return the value (polls with `Runtime.sleep`).

        Raises: `PeerEndedError` if all other roles have ended without sharing it.
        """

    async def until_ended(self, role: str) -> None:
        """Wait until a role has ended (polls with `Runtime.sleep`)."""

    def program(self, function: str, *arguments: str) -> tuple[str, ...]:
        """Return the command of a program that runs on the backend of this cell, with its options.

        `function` is `"module:function"` of a plain function. The program calls it in its main thread with a `Launch`
        and the arguments, and ends as that function does: for what only the outside of a process shows.
        """


Launch = Callable[[Callable[[Runtime], Awaitable[None]]], None]
"""Runs an async function on a fresh runtime, to its end and in the calling thread, as often as called. Errors that a
runtime reports as unhandled go to stderr."""


class PeerEndedError(Exception):
    """The other role ended before it shared what this one waits for."""


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """A chart of a table that a scenario observes: one line for each backend.

    The table is an observation whose value is a list of mappings, one for each point.
    """

    key: str
    """Observation key of the table."""
    x: str
    """Column on the horizontal axis."""
    y: str
    """Column on the vertical axis. Its unit is that of the observation key of the same name."""
    title: str
    """E.g. `latency at each step of the search`; the row is added to it."""
    x_label: str
    """Label of the horizontal axis."""
    x_unit: str = ""
    """Unit of the column `x`, as in `metric`."""
    y_unit: str = ""
    """Unit of the column `y` where no observation key has its name."""
    is_distribution: bool = False
    """Whether it shows how a latency spreads."""


RoleFunction = Callable[[Runtime, Probe], Awaitable[None]]
"""The program of a role."""


async def run_native(_runtime: Runtime, _probe: Probe) -> None:
    """Stand for the body of a scenario that has one for each runtime (`Scenario.native`)."""
    raise UnsupportedError("the scenario has no body for this runtime")


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """The runtime of a cell, for a scenario that starts it itself (`Scenario.drive`)."""

    make_runner: Callable[[], BackendRunner]
    """Makes the backend's runner with the options of the cell."""
    options: Mapping[str, str]
    """Of the backend spec."""
    schedules: str = ""
    """As in `Backend`."""
    dialect: str = ""
    """As in `Backend`."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """One question, written once against `Runtime`.

    Roles run in a process each, started in the order given; a scenario without roles of its own has one, `main`.
    `rows` gives for each preset the parameter assignments that make its rows of the matrix; parameters not
    assigned have their default. `headline` is the observation key that the grid shows.
    `conserved` maps a total to the keys that must add up to it (all of one role).
    `timeout` is the hard limit in seconds at the default parameters; `hang_after` how long without progress is a hang.
    """

    name: str
    """A word (`sink`), or family and behaviour (`close.wakes-reader`)."""
    question: str
    """What does a reader learn from it? A question."""
    contract: tuple[str, ...]
    """What every backend has to keep, a sentence each."""
    ref: str
    """`"module:attribute"` where a worker finds this object."""
    roles: Mapping[str, RoleFunction] = MappingProxyType({"main": run_native})
    """The program of each role, in the order in which they are started. Needless beside `native`."""
    native: dict[str, str] = {}
    """By backend, `"module:function"` of a body in the runtime's own words, for a scenario about a library. A backend
    that is built on a named one has its body too. Only a worker imports it, so that it may import the runtime."""
    runs_on: tuple[str, ...] = ()
    """Backends that it can run on, each with those that are built on it; elsewhere it is unsupported. Empty: those of
    `native`, or all if there are none."""
    subject: str = ""
    """Distribution of the library that it is about, if that is judged and not the runtime: its version is
    verified in each cell, and what every backend does is a finding about it."""
    parameters: tuple[Parameter, ...]
    """Parameters that the user can choose."""
    judges: dict[str, Judge]
    """By observation key, how its values are judged."""
    headline: str
    rows: dict[str, tuple[dict[str, Value], ...]]
    conserved: dict[str, tuple[str, ...]] = {}
    parity: tuple[str, ...] = ()
    """Observation keys that must be the same on two backends for a ratio of their figures to mean something, e.g. the
    capacity of a channel: where they differ the ratio is withheld, and the difference shown."""
    requires: tuple[Capability, ...] = ()
    """Without these capabilities it is unsupported."""
    prerequisites: tuple[str, ...] = ()
    """Names of scenarios whose contract this one takes for granted: where one of them breaks on a backend, a finding
    of this one on that backend is reported as dependent on it."""
    variants: tuple[str, ...] = ()
    """Backend specs, e.g. `"asyncio:timeout=wait_for"`, that matter to the question: where that backend is selected
    with no idiom of its own, its variants are run beside it."""
    side_by_side: bool = False
    """Whether its cells may run beside others: it measures nothing, and waits for events and not for times."""
    forkable: bool = True
    """Whether its cells may be forked from a warm parent: not if its answer depends on the start of the interpreter,
    such as the hash seed or the memory of the process."""
    cpu_bound: bool = False
    """Whether it computes on one thread all the time that it is measured, on backends whose tasks are no threads.
    Then a wait for a CPU means that other processes used it, and the cell is run again."""
    timeout: float = 60.0
    hang_after: float = 10.0
    summary: str = ""
    """Short description for lists."""
    preflight: Callable[[Mapping[str, Value]], str] | None = None
    """Returns why these parameters (every declared one has a value) cannot be run on this host: which limit binds,
    how much it allows and how to raise it; or an empty string. Called on the host before the cell starts."""
    limits: Callable[[], str] | None = None
    """Returns how much of this scenario the host allows and which limit binds; `harness doctor` shows it."""
    scripts: str = ""
    """Folder of standalone reproducers as `package:folder`. The one that asks this question of a runtime is
    `<folder>/<scenario>/<runtime>.py`, or `<runtime>.<option>=<value>.py` for an idiom that is not the default."""
    drive: Callable[[Subject, Probe], None] | None = None
    """Called in the worker of the only role after its run has ended: starts the runtime itself, as often as it likes,
    and records with the probe. The role itself then has nothing to do but to show that the runtime starts."""
    worker: str = "harness.worker"
    """Module that is run as the process of each role."""
    work: str = ""
    """The parameter, an integer, for the amount of work behind one value of the headline: how often, never how many at
    once. Figures are for each operation, so that it changes how well they are measured and not what. Rows of several
    rounds have it chosen by the duration of a value: from one observation of the headline until the next."""

    catches: tuple[str, ...] = ()
    """Names of the faults (`Saboteur.name`) that break its contract: `--saboteurs` runs the backends that have them,
    and each must be caught."""
    order: int = UNORDERED
    """Position in lists and grids: the lowest first, equal ones by name."""
    topics: tuple[str, ...] = ()
    """Words of a user for the features that it is about, beside its name and the part before the dot: `timeouts`."""
    charts: tuple[Chart, ...] = ()
    """Charts in the HTML report, in addition to those of figures and percentiles."""

    def native_body(self, backend: Backend) -> str:
        """Return the reference of the body for a backend; empty if there is none."""
        return self.native.get(backend.name) or self.native.get(backend.derives_from, "")

    def exclusion_of(self, backend: Backend) -> str:
        """Return why it does not run on a backend, or an empty string."""
        named = self.runs_on or tuple(self.native)
        if not named or {backend.name, backend.derives_from} & set(named):
            return ""
        return f"{self.name} is written for {', '.join(named)}"

    def needs(self, assigned: Mapping[str, Value]) -> tuple[Capability, ...]:
        """Return the capabilities that it needs where its parameters have these values."""
        chosen = (known for known in self.parameters if assigned.get(known.name, known.default) != known.default)
        return (*self.requires, *(capability for parameter in chosen for capability in parameter.requires))

    @property
    def main(self) -> RoleFunction:
        """The only role of a scenario with one role."""
        (only,) = self.roles.values()
        return only

    def preset_rows(self, preset: str) -> tuple[dict[str, Value], ...]:
        """Return the assignments for a preset; one that is not listed has those of the nearest smaller preset."""
        for name in reversed(PRESETS[: PRESETS.index(preset) + 1]):
            if name in self.rows:
                return self.rows[name]
        return ({},)


def grid(**axes: Iterable[Value]) -> tuple[dict[str, Value], ...]:
    """Return the cartesian product of the axes as assignments: `grid(capacity=(0, 1), seconds=(2,))`."""
    names: Sequence[str] = tuple(axes)
    return tuple(dict(zip(names, values, strict=True)) for values in product(*axes.values()))
