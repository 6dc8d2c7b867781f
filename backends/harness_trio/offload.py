"""Blocking functions in trio's worker threads, and in a process pool, which trio has not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import trio

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor


class Offload:
    """What runs outside the tasks of one run. What has to be closed after `trio.run` it puts on the stack `after`."""

    __slots__ = ("_abandon", "_after", "_processes")

    def __init__(self, after: ExitStack, *, abandon_on_cancel: bool) -> None:
        self._after = after
        self._abandon = abandon_on_cancel
        self._processes: ProcessPoolExecutor | None = None

    async def in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        """`trio.to_thread.run_sync`; the option `offload` sets the effect of a cancellation on the thread."""
        return await trio.to_thread.run_sync(fn, *args, abandon_on_cancel=self._abandon)

    async def in_process(self, fn: Callable[..., Any], *args: object) -> Any:
        """Wait in a thread for a job of a process pool."""
        job = self._pool().submit(fn, *args)
        try:
            return await self.in_thread(job.result)
        except trio.Cancelled:
            job.cancel()
            raise

    def _pool(self) -> ProcessPoolExecutor:
        if self._processes is None:
            import multiprocessing  # costs a tenth of a worker's start
            from concurrent.futures import ProcessPoolExecutor

            self._processes = ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))
            self._after.callback(self._processes.shutdown, cancel_futures=True)
        return self._processes
