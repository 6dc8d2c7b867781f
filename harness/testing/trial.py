"""Try a scenario in this process, on a runtime or on a broken one: for the tests of its author.

A cell of a run is a process and is judged beside the other backends; a trial is a call that returns the observations.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import cache
from threading import Thread
from typing import Any

from harness.api import PeerEndedError, Runtime, Scenario, Value
from harness.api.values import adds_up
from harness.plan import parse_spec
from harness.plugins import Catalogue, Plugins
from harness.wire import as_recorded
from harness.worker.program import make_command

_POLL = 0.001
"""Seconds between two looks at the shared items."""

Wrap = Callable[[Runtime], Any]
"""Takes a runtime and returns the one that the scenario sees instead."""


class Trial:
    """Observations of a scenario. `errors` has the exceptions that left a role, `running` the roles still running."""

    def __init__(self, scenario: Scenario) -> None:
        self.values: dict[str, list[Any]] = {}
        """Every value of each key that was observed, in the order in which they were."""
        self.steps: list[tuple[str, str]] = []
        """Actor and step of the trace."""
        self.progress: Counter[str] = Counter(dict.fromkeys(scenario.roles, 0))
        """How far each role has come. Threads may lose an increment to each other."""
        self.errors: dict[str, BaseException] = {}
        self.unhandled: list[tuple[str, BaseException | None]] = []
        """Exceptions that the runtime logged or dropped because no task awaited them, each with its message."""
        self.running: tuple[str, ...] = ()
        self._scenario = scenario

    def __getitem__(self, key: str) -> Any:
        """Return the only value of a key; `ValueError` if there are none or several."""
        (value,) = self.values.get(key, [])
        return value

    def __contains__(self, key: str) -> bool:
        """Return whether a key was observed."""
        return key in self.values

    @property
    def violations(self) -> set[str]:
        """The keys with a value that the scenario's contract forbids, and the totals that are not conserved."""
        judges = self._scenario.judges
        broken = {
            key
            for key, values in self.values.items()
            if judges[key].is_about(self.values) and any(judges[key].breaks(as_recorded(each)) for each in values)
        }
        for total, parts in self._scenario.conserved.items():
            if total in self and not adds_up(self[total], (self[part] for part in parts)):
                broken.add(total)
        return broken


class _TrialProbe:
    """A probe that keeps its records."""

    runtime: Runtime
    runner: str
    options: Mapping[str, str]

    def __init__(self, role: str, parameters: Mapping[str, Value], seed: int, trial: Trial, board: _Board) -> None:
        self.role = role
        self.parameters: Mapping[str, Any] = parameters
        self.seed = seed
        self._trial = trial
        self._board = board

    def observe(self, key: str, value: object) -> None:
        if key not in self._board.declared:
            raise ValueError(f"{key!r} is observed and not declared in judges")
        self._trial.values.setdefault(key, []).append(value)

    def step(self, actor: str, what: str) -> None:
        self._trial.steps.append((actor, what))

    def describe_tasks(self) -> list[str]:
        """Describe nothing."""
        return []

    def looking_after(self, _seconds: float) -> AbstractContextManager[list[str]]:
        """Look at nothing."""
        return nullcontext([])

    def driving(self, _what: str) -> AbstractContextManager[None]:
        """Mark nothing: no runner looks for hangs from outside."""
        return nullcontext()

    def advance(self, count: int = 1) -> None:
        self._trial.progress[self.role] += count

    def share(self, key: str, value: object) -> None:
        self._board.shared[key] = value

    async def receive(self, key: str) -> Any:
        while key not in self._board.shared:
            if self._board.ended >= self._board.roles - {self.role}:
                raise PeerEndedError(key)
            await self.runtime.sleep(_POLL)
        return self._board.shared[key]

    async def until_ended(self, role: str) -> None:
        while role not in self._board.ended:
            await self.runtime.sleep(_POLL)

    def program(self, function: str, *arguments: str) -> tuple[str, ...]:
        return make_command(self.runner, self.options, function, arguments)


class _Board:
    """The state that the roles of a trial share."""

    def __init__(self, scenario: Scenario, shared: Mapping[str, object]) -> None:
        self.roles = set(scenario.roles)
        self.declared = set(scenario.judges)
        self.shared = dict(shared)
        self.ended: set[str] = set()


def _load(reference: str) -> Any:
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)


@cache
def installed_catalogue() -> Catalogue:
    """Return the catalogue of the installed plugins."""
    return Plugins().catalogue()


def try_scenario(
    scenario: Scenario,
    backend: str,
    parameters: Mapping[str, Value] | None = None,
    *,
    wrap: Wrap | Mapping[str, Wrap] | None = None,
    shared: Mapping[str, object] | None = None,
    seed: int = 1,
    limit: float = 60.0,
) -> Trial:
    """Run a scenario once and return its observations; it never raises the scenario's exceptions.

    Args:
        scenario: the declaration.
        backend: an installed backend, with options if need be (`asyncio:io=sock`); every role runs on it, in a
            thread of its own.
        parameters: what differs from the defaults.
        wrap: takes the runtime and returns the one for the scenario, e.g. one that is broken on purpose
            (`harness_saboteurs.sabotage`). A mapping wraps that of some roles only.
        shared: the items shared from the start, for a scenario of which one role is left out.
        seed: of the cell.
        limit: seconds until roles that still run are given up.
    """
    spec = parse_spec(backend, installed_catalogue())
    known_backend = installed_catalogue().backend(spec.name)
    runner_class = _load(known_backend.runner)
    native = scenario.native_body(known_backend)
    values = {known.name: known.default for known in scenario.parameters} | dict(parameters or {})
    trial, board = Trial(scenario), _Board(scenario, shared or {})

    def run(role: str) -> None:
        probe = _TrialProbe(role, values, seed, trial, board)
        probe.runner, probe.options = known_backend.runner, dict(spec.options)
        wrap_role = wrap.get(role) if isinstance(wrap, Mapping) else wrap

        async def main(runtime: Runtime) -> None:
            probe.runtime = runtime
            role_function: Callable[..., Awaitable[None]] = _load(native) if native else scenario.roles[role]
            await role_function(wrap_role(runtime) if wrap_role else runtime, probe)

        def report(exc: BaseException | None, context: str) -> None:
            trial.unhandled.append((context, exc))
            with suppress(Exception):
                str(exc)  # as a worker, which writes it down: a scenario may look whether its error was asked for

        try:
            runner_class(dict(spec.options)).run(main, report)
        except BaseException as exc:  # noqa: BLE001 - whatever it raises is what became of the role
            trial.errors[role] = exc
        finally:
            board.ended.add(role)

    threads = [Thread(target=run, args=(role,), name=role, daemon=True) for role in scenario.roles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(limit)
    trial.running = tuple(thread.name for thread in threads if thread.is_alive())
    return trial
