"""Run a scenario in this process, on each backend."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import pytest

from harness.api import Scenario
from harness.testing.trial import Trial, try_scenario

BACKENDS = ("asyncio", "uvloop", "trio", "curio", "threads")

RunRoles = Callable[..., Trial]


@pytest.fixture
def run_roles() -> RunRoles:
    """Return a function as `try_scenario`, whose roles all end; `roles` replaces the scenario's own."""

    def run(
        scenario: Scenario,
        parameters: Mapping[str, Any],
        *,
        backend: str = "asyncio",
        roles: Mapping[str, Callable[..., Awaitable[None]]] | None = None,
        **more: Any,
    ) -> Trial:
        played = scenario if roles is None else msgspec.structs.replace(scenario, roles=dict(roles))
        trial = try_scenario(played, backend, parameters, **more)
        assert trial.running == ()
        return trial

    return run


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Name each backend whose runtime can be imported here."""
    name: str = request.param
    try:
        importlib.import_module(f"harness_{name}.backend")
    except (ImportError, AttributeError) as exc:  # curio 1.6 on 3.12+ misses names of the standard library
        pytest.skip(f"{name}: {exc}")
    return name
