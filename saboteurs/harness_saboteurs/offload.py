"""Faults of work done in threads and processes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from itertools import count
from typing import Any

from harness.testing.wrapping import SabotagedRuntime

from .faults import fault


@fault("error-of-thread-lost")
class _ErrorOfThreadLost(SabotagedRuntime):
    """The exception of an offloaded function does not come back."""

    async def run_in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        def quietly() -> Any:
            try:
                return fn(*args)
            except Exception:  # noqa: BLE001 - that is the fault
                return None

        return await self.inner.run_in_thread(quietly)


@fault("offload-blocks")
class _OffloadBlocks(SabotagedRuntime):
    """An offloaded function runs in the scheduler's own thread."""

    async def run_in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        await self.inner.checkpoint()
        return fn(*args)


@fault("offload-runs-twice")
class _OffloadRunsTwice(SabotagedRuntime):
    """An offloaded function runs twice, once."""

    done = 0

    async def run_in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        self.done += 1
        if self.done == 2:
            await self.inner.run_in_thread(fn, *args)
        return await self.inner.run_in_thread(fn, *args)


@fault("offload-drops-jobs", control="trio")
class _OffloadDropsJobs(SabotagedRuntime):
    """Every other offloaded function is never run, and its caller gets a result."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self._numbers = count(1)

    async def run_in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        if next(self._numbers) % 2:
            return await self.inner.run_in_thread(fn, *args)
        return None


@fault("error-breaks-the-pool", control="trio")
class _ErrorBreaksThePool(SabotagedRuntime):
    """After an offloaded function has failed, it and every later one fail in the same way."""

    broken = False

    async def run_in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        try:
            if not self.broken:
                return await self.inner.run_in_thread(fn, *args)
        except Exception:  # noqa: BLE001 - whatever it is, the pool is broken by it
            self.broken = True
        raise RuntimeError("the pool is broken")


@fault("error-of-thread-wakes-nobody", control="trio")
class _ErrorOfThreadWakesNobody(SabotagedRuntime):
    """The caller of an offloaded function that fails waits for ever."""

    async def run_in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        try:
            return await self.inner.run_in_thread(fn, *args)
        except Exception:  # noqa: BLE001 - that is the fault
            await self.inner.create_event().wait()


@fault("context-comes-back", control="trio")
class _ContextComesBack(SabotagedRuntime):
    """Changes of an offloaded function to its context reach its caller."""

    async def run_in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        context = copy_context()
        result = await self.inner.run_in_thread(context.run, fn, *args)
        for variable, value in context.items():
            variable.set(value)
        return result


@fault("offload-swallows-cancellation")
class _OffloadSwallowsCancellation(SabotagedRuntime):
    """A task that is cancelled while it waits for an offloaded function waits for ever."""

    async def run_in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        with suppress(BaseException):
            return await self.inner.run_in_thread(fn, *args)
        await self.inner.create_event().wait()
        return None
