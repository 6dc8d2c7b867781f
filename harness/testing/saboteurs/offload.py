"""Faults of what is done in threads and processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .faults import fault
from .wrapping import SabotagedRuntime


@fault("error-of-thread-lost", "offload", "offload.errors-cross")
class _ErrorOfThreadLost(SabotagedRuntime):
    """What an offloaded function raises does not come back."""

    async def run_in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        def quietly() -> Any:
            try:
                return fn(*args)
            except Exception:  # noqa: BLE001 - that is the fault
                return None

        return await self.inner.run_in_thread(quietly)


@fault("offload-blocks", "offload", "offload.others-run")
class _OffloadBlocks(SabotagedRuntime):
    """An offloaded function runs in the scheduler's own thread."""

    async def run_in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        await self.inner.checkpoint()
        return fn(*args)


@fault("offload-runs-twice", "offload")
class _OffloadRunsTwice(SabotagedRuntime):
    """An offloaded function runs twice, once."""

    done = 0

    async def run_in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        self.done += 1
        if self.done == 2:
            await self.inner.run_in_thread(fn, *args)
        return await self.inner.run_in_thread(fn, *args)
