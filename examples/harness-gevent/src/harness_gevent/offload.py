"""Blocking functions in the hub's threadpool, or in another process."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import gevent
from harness.api import UnhandledReport

Failures = list[BaseException]
"""Exception of an offloaded call: kept here, as the hub would print it although the caller waits for it."""


def wait_beside(call: Any, failures: Failures, unhandled: UnhandledReport, what: str) -> Any:
    """Wait for a greenlet or a job of a thread, and raise its exception. If cancelled it runs on."""
    try:
        value = call.get()
    except BaseException:
        call.rawlink(lambda _: [unhandled(exc, f"in {what}, its caller is gone") for exc in failures])
        raise
    if failures:
        raise failures[0]
    return value


class Offload:
    """What runs outside the greenlets of one run."""

    def __init__(self, unhandled: UnhandledReport) -> None:
        self._unhandled = unhandled
        self._processes: ProcessPoolExecutor | None = None

    def in_thread(self, fn: Callable[..., Any], args: tuple[object, ...]) -> Any:
        """`threadpool.spawn(...).get()`. If cancelled the thread runs on."""
        failures: Failures = []

        def job() -> Any:
            try:
                return fn(*args)
            except BaseException as exc:
                failures.append(exc)
                return None

        return wait_beside(gevent.get_hub().threadpool.spawn(job), failures, self._unhandled, "run_in_thread")

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
