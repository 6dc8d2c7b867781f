"""Run the roles of a scenario in one process, each on a runtime and in a thread of its own, without the harness."""

from __future__ import annotations

import importlib
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from harness.api import Bounded, Exact, Grade, Outcomes, PeerEndedError, RoleFunction, Runtime, Scenario

RUNNERS = {
    "asyncio": "AsyncioRunner",
    "uvloop": "UvloopRunner",
    "trio": "TrioRunner",
    "curio": "CurioRunner",
    "threads": "ThreadsRunner",
}
_MOST_SECONDS = 60
_POLL_SECONDS = 0.001

Wrap = Callable[[Runtime], Any]


class Board:
    """What the roles of one cell share."""

    def __init__(self, shared: Mapping[str, Any]) -> None:
        self.shared = dict(shared)
        self.ended: set[str] = set()


class MemoryProbe:
    """A probe that keeps what it is told. `runtime` is set before the role runs."""

    runtime: Runtime

    def __init__(self, role: str, scenario: Scenario, parameters: Mapping[str, Any], seed: int, board: Board) -> None:
        self.role = role
        self.seed = seed
        self.parameters = {known.name: known.default for known in scenario.parameters} | dict(parameters)
        self.values: dict[str, list[Any]] = defaultdict(list)
        self.steps: list[tuple[str, str]] = []
        self.progress = 0
        self._declared = scenario.judges
        self._board = board

    def observe(self, key: str, value: object) -> None:
        """Keep a fact; an undeclared key is an error of the scenario."""
        assert key in self._declared, f"{key!r} is observed and not declared"
        self.values[key].append(value)

    def step(self, actor: str, what: str) -> None:
        """Keep a step."""
        self.steps.append((actor, what))

    def advance(self, count: int = 1) -> None:
        """Count progress."""
        self.progress += count

    def share(self, key: str, value: object) -> None:
        """Put a value on the board."""
        self._board.shared[key] = value

    async def receive(self, key: str) -> Any:
        """Wait for a value on the board."""
        while key not in self._board.shared:
            if self._board.ended:
                raise PeerEndedError(key)
            await self.runtime.sleep(_POLL_SECONDS)
        return self._board.shared[key]

    async def until_ended(self, role: str) -> None:
        """Wait until a role has left the board."""
        while role not in self._board.ended:
            await self.runtime.sleep(_POLL_SECONDS)


class Report:
    """What the roles of one cell observed."""

    def __init__(self, scenario: Scenario, probes: list[MemoryProbe], errors: dict[str, BaseException]) -> None:
        self._scenario = scenario
        self.errors = errors
        self.progress = {probe.role: probe.progress for probe in probes}
        self.values = {key: values for probe in probes for key, values in probe.values.items()}

    def __getitem__(self, key: str) -> Any:
        """Return the only value of a key."""
        (value,) = self.values[key]
        return value

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def violations(self) -> set[str]:
        """Return the keys whose values break the contract, and the totals that are not conserved."""
        broken = {key for key, values in self.values.items() if any(self._breaks(key, value) for value in values)}
        for total, parts in self._scenario.conserved.items():
            if total in self and self[total] != sum(self[part] for part in parts):
                broken.add(f"{total} is not conserved")
        return broken

    def _breaks(self, key: str, value: Any) -> bool:
        match self._scenario.judges[key]:
            case Bounded(at_least=least, at_most=most):
                return (least is not None and value < least) or (most is not None and value > most)
            case Outcomes(grades=grades):
                return value not in grades or grades[value].grade is Grade.FORBIDDEN
            case Exact(expected=expected):
                return expected is not None and value != expected
        return False


RunRoles = Callable[..., Report]


def _run_role(backend: str, role: RoleFunction, probe: MemoryProbe, wrap: Wrap | None, board: Board) -> None:
    async def main(runtime: Runtime) -> None:
        probe.runtime = runtime
        await role(wrap(runtime) if wrap else runtime, probe)

    try:
        runner = getattr(importlib.import_module(f"harness_{backend}.backend"), RUNNERS[backend])({})
        runner.run(main, lambda exc, context: None)
    finally:
        board.ended.add(probe.role)


@pytest.fixture
def run_roles() -> RunRoles:
    """Return a function that runs the roles of a scenario and returns a `Report`.

    `backend` is for all roles or a mapping; `wrap` maps a role to a function that wraps its runtime; `roles` replaces
    the scenario's own; `shared` is on the board from the start.
    """

    def run(
        scenario: Scenario,
        parameters: Mapping[str, Any],
        *,
        backend: str = "asyncio",
        wrap: Mapping[str, Wrap] | None = None,
        roles: Mapping[str, Callable[..., Awaitable[None]]] | None = None,
        shared: Mapping[str, Any] | None = None,
        seed: int = 1,
    ) -> Report:
        functions = dict(scenario.roles if roles is None else roles)
        board = Board(shared or {})
        probes = {role: MemoryProbe(role, scenario, parameters, seed, board) for role in functions}
        errors: dict[str, BaseException] = {}

        def work(role: str) -> None:
            try:
                _run_role(backend, functions[role], probes[role], (wrap or {}).get(role), board)
            except BaseException as exc:
                errors[role] = exc

        threads = [threading.Thread(target=work, args=(role,), daemon=True, name=role) for role in functions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(_MOST_SECONDS)
        assert not [thread.name for thread in threads if thread.is_alive()], "roles that did not end"
        return Report(scenario, list(probes.values()), errors)

    return run


@pytest.fixture(params=RUNNERS)
def backend(request: pytest.FixtureRequest) -> str:
    """Name each backend whose runtime can be imported here."""
    name: str = request.param
    try:
        importlib.import_module(f"harness_{name}.backend")
    except (ImportError, AttributeError) as exc:  # curio 1.6 on 3.12+ misses names of the standard library
        pytest.skip(f"{name}: {exc}")
    return name
