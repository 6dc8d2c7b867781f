"""Contributions of the loaded plugins; `backends`, `scenarios`, `perturbations` and `executors` are by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from harness.api import Backend, Perturbation, Saboteur, Scenario
from harness.model import (
    LOCAL,
    BackendSpec,
    Cell,
    Environment,
    Executor,
    Expectation,
    KnownBreach,
    Renderer,
    UsageError,
    UserInterrupt,
)

from .calls import CALLS

_MOST_NAMES = 24
Named = TypeVar("Named", Backend, Scenario, Saboteur, Renderer, Executor, Perturbation)


class PluginReport(msgspec.Struct, frozen=True, kw_only=True):
    """One plugin as `harness plugins` shows it. `error` is empty for a healthy one."""

    name: str
    """Of its entry point."""
    module: str
    """That the entry point names."""
    distribution: str = ""
    """That it comes with; empty if that is unknown."""
    version: str = ""
    """Of the distribution."""
    backends: tuple[str, ...] = ()
    """Names of those that it brings."""
    scenarios: tuple[str, ...] = ()
    """Names of those that it brings."""
    renderers: tuple[str, ...] = ()
    """Names of those that it brings."""
    expectations: int = 0
    """How many differences it expects."""
    error: str = ""
    executors: tuple[str, ...] = ()
    """Names of those that it brings."""
    saboteurs: tuple[str, ...] = ()
    """Names of the faults that it brings."""
    perturbations: tuple[str, ...] = ()
    """Names of those that it brings."""


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """Contributions of the loaded plugins; `backends`, `scenarios`, `perturbations` and `executors` are by name."""

    backends: Mapping[str, Backend]
    scenarios: Mapping[str, Scenario]
    renderers: Mapping[str, Renderer]
    """Report formats by name."""
    plugins: tuple[PluginReport, ...]
    """What became of each plugin."""
    expectations: tuple[Expectation, ...] = ()
    """Divergences that are known."""
    environments: Mapping[str, Environment] = {}
    """Other interpreters that a request names, with what their own plugins declare."""
    saboteurs: Mapping[str, Saboteur] = {}
    """Backends that are broken on purpose, by the name of the fault."""
    perturbations: Mapping[str, Perturbation] = {}
    breaches: tuple[KnownBreach, ...] = ()
    """Clauses of the contract that runtimes are known to break."""
    executors: Mapping[str, Executor] = msgspec.field(default_factory=lambda: {LOCAL.name: LOCAL})

    @property
    def distributions(self) -> tuple[str, ...]:
        """Names of the packages whose versions identify the runtimes of all backends."""
        return tuple(dict.fromkeys(name for backend in self.backends.values() for name in backend.distributions))

    def backend_of(self, spec: BackendSpec) -> Backend:
        """Return the backend of a spec as it is declared where the spec runs."""
        elsewhere = self.environments.get(spec.place)
        return (elsewhere.backends.get(spec.name) if elsewhere else None) or self.backend(spec.name)

    def backend(self, name: str) -> Backend:
        """Return a backend by name; `UsageError` suggests the nearest one."""
        return _lookup(self.backends, name, "backend")

    def scenario(self, name: str) -> Scenario:
        """Return a scenario by name; `UsageError` suggests the nearest one."""
        return _lookup(self.scenarios, name, "scenario")

    def renderer(self, name: str) -> Renderer:
        """Return a renderer by name; `UsageError` suggests the nearest one."""
        return _lookup(self.renderers, name, "report format")

    def require_cell(self, cell: Cell) -> None:
        """Raise `UsageError` if a cell that was planned earlier is none of the plugins that are installed now."""
        scenario = self.scenario(cell.scenario)
        for assigned in cell.roles:
            self.backend_of(assigned.backend)
        if (planned := {assigned.role for assigned in cell.roles}) != set(scenario.roles):
            now, then = ", ".join(sorted(scenario.roles)), ", ".join(sorted(planned))
            raise UsageError(f"scenario {scenario.name!r} has other roles now ({now}) than in the run ({then})")
        if unknown := cell.assigned.keys() - {parameter.name for parameter in scenario.parameters}:
            raise UsageError(f"scenario {scenario.name!r} has no parameter {', '.join(sorted(unknown))} any more")

    def require_executor(self, name: str) -> None:
        """Raise `UsageError` if there is no such executor, or if it cannot be used on this host."""
        if problem := find_problem(_lookup(self.executors, name, "executor")):
            raise UsageError(f"executor {name!r} cannot be used here: {problem}")


def find_problem(executor: Executor) -> str:
    """Return why an executor cannot be used on this host, or an empty string."""
    if executor.find_problem is None:
        return ""
    try:
        with CALLS.running(f"find_problem of executor {executor.name!r}"):
            return str(executor.find_problem())
    except UserInterrupt:
        raise
    except BaseException as exc:  # noqa: BLE001 - a broken plugin must not end the host
        return f"its check for missing features raised {describe_error(exc)}"


def _lookup(things: Mapping[str, Named], name: str, noun: str) -> Named:
    if name in things:
        return things[name]
    near = difflib.get_close_matches(name, things, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else f"; there are {_some(things)}"
    raise UsageError(f"unknown {noun} {name!r}{hint}")


def _some(things: Mapping[str, Named]) -> str:
    """Return all names, or of many the areas that they are in."""
    if len(things) <= _MOST_NAMES:
        return ", ".join(sorted(things)) or "none"
    areas = dict.fromkeys(name.partition(".")[0] for name in sorted(things))
    return f"{len(things)}, in the areas {', '.join(areas)}; harness list shows them"


def describe_error(exc: BaseException) -> str:
    """Return the type and the first line of an exception's text."""
    return f"{type(exc).__name__}: {exc}".strip().splitlines()[0] if str(exc) else type(exc).__name__
