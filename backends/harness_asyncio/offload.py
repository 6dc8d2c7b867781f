"""A process pool for blocking functions; for threads `asyncio.to_thread` is used as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor


class ProcessPool:
    """The process pool of one run, started when it is first needed."""

    __slots__ = ("_pool",)

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def start(self) -> ProcessPoolExecutor:
        """Return the pool.

        Spawned, because a fork would copy the loop's descriptors and the locks of its threads.
        """
        if self._pool is None:
            import multiprocessing  # costs a tenth of a worker's start
            from concurrent.futures import ProcessPoolExecutor

            self._pool = ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))
        return self._pool

    def stop(self) -> None:
        """Stop the processes, if there are any, and wait for their running jobs."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
