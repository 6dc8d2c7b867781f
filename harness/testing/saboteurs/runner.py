"""Run a scenario on a healthy backend with one fault."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from harness.api import BackendRunner, Runtime, UnhandledReport

from . import FAULTS, HEALTHY


class SaboteurRunner:
    """Another runner, whose runtime is wrapped."""

    def __init__(self, options: Mapping[str, str]) -> None:
        module, _, name = options.get("of", HEALTHY).partition(":")
        self._inner: BackendRunner = getattr(importlib.import_module(module), name)({})
        self._fault = FAULTS[options.get("fault", "item-lost")]

    @property
    def expected_scheduler(self) -> str:
        """What the healthy backend expects."""
        return self._inner.expected_scheduler

    def run(self, main: Callable[[Runtime], Awaitable[None]], unhandled: UnhandledReport) -> None:
        """Run it on the healthy backend, broken."""

        async def broken(runtime: Runtime) -> None:
            sabotaged: Any = self._fault.runtime(runtime)
            await main(sabotaged)

        self._inner.run(broken, unhandled)
