"""Blocking functions in the hub's threadpool, or in another process."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import gevent
from harness.api import UnhandledReport


class Offload:
    """What runs outside the greenlets of one run."""

    def __init__(self, unhandled: UnhandledReport) -> None:
        self._unhandled = unhandled
        self._processes: ProcessPoolExecutor | None = None

    def in_thread(self, fn: Callable[..., Any], args: tuple[object, ...]) -> Any:
        """`threadpool.spawn(...).get()`. If cancelled the thread runs on.

        The errors are wrapped, as the hub would print each of them although somebody waits for it.
        """
        outcome: list[BaseException] = []

        def job() -> Any:
            try:
                return fn(*args)
            except BaseException as exc:
                outcome.append(exc)
                return None

        result = gevent.get_hub().threadpool.spawn(job)
        try:
            value = result.get()
        except BaseException:
            result.rawlink(lambda _: self._report(outcome))
            raise
        if outcome:
            raise outcome[0]
        return value

    def _report(self, outcome: list[BaseException]) -> None:
        for exc in outcome:
            self._unhandled(exc, "in run_in_thread, its caller is gone")

    def in_process(self, fn: Callable[..., Any], args: tuple[object, ...]) -> Any:
        """Wait for a process of a pool, in a thread. If cancelled the process runs on."""
        if self._processes is None:
            self._processes = ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))
        future = self._processes.submit(fn, *args)
        try:
            return self.in_thread(future.result, ())
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """End the processes."""
        if self._processes is not None:
            self._processes.shutdown(cancel_futures=True)
