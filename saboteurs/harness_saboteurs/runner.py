"""Run a scenario on a healthy backend with one fault."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from harness.api import BackendRunner, Runtime, UnhandledReport

from . import FAULTS, HEALTHY, list_faults


class SaboteurRunner:
    """Another runner, whose runtime is wrapped."""

    control: ClassVar[str] = "asyncio"
    """The fault if none is named."""

    def __init__(self, options: Mapping[str, str]) -> None:
        name = options.get("fault")
        self._fault = FAULTS[name] if name else list_faults(self.control)[0]
        module, _, runner = options.get("of", HEALTHY[self._fault.control]).partition(":")
        self._inner: BackendRunner = getattr(importlib.import_module(module), runner)({})

    @property
    def expected_scheduler(self) -> str:
        """The scheduler that the healthy backend expects."""
        return self._inner.expected_scheduler

    def run(self, main: Callable[[Runtime], Awaitable[None]], unhandled: UnhandledReport) -> None:
        """Run it on the healthy backend, broken."""

        async def broken(runtime: Runtime) -> None:
            sabotaged: Any = self._fault.runtime(runtime)
            await main(sabotaged)

        self._inner.run(broken, unhandled)


class TrioSaboteurRunner(SaboteurRunner):
    """The same, on trio."""

    control = "trio"


class ThreadsSaboteurRunner(SaboteurRunner):
    """The same, on threads."""

    control = "threads"
