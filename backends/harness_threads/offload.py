"""Blocking functions in a thread, or in another process, waited for in a way that can be cancelled."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from harness.api import UnhandledReport

from .scopes import Cancelled, Waiter, here, notify_all

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor


class _Job:
    """A function in a thread of its own, as in a program of plain threads."""

    def __init__(self, fn: Callable[..., Any], args: tuple[object, ...]) -> None:
        self._call = (fn, args)
        self._waiters: deque[Waiter] = deque()
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        fn, args = self._call
        try:
            self.result = fn(*args)
        except BaseException as exc:  # noqa: BLE001 - raised again in the thread that waits
            self.error = exc
        notify_all(self._waiters)

    def start(self) -> tuple[threading.Thread, Waiter]:
        waiter = Waiter(self._waiters)
        self._waiters.append(waiter)
        thread = threading.Thread(target=self.run, name=getattr(self._call[0], "__qualname__", None), daemon=True)
        thread.start()
        return thread, waiter


class Offload:
    """What runs outside the tasks of one run: a thread for each job, and a pool of processes once it is needed."""

    def __init__(self, unhandled: UnhandledReport) -> None:
        self._unhandled = unhandled
        self._abandoned: list[tuple[_Job, threading.Thread]] = []
        self._processes: ProcessPoolExecutor | None = None
        self._mutex = threading.Lock()

    def in_thread(self, fn: Callable[..., Any], args: tuple[object, ...]) -> Any:
        """Wait for `fn(*args)` in another thread. If cancelled the thread runs on, and the run ends after it."""
        job = _Job(fn, args)
        thread, waiter = job.start()
        try:
            here.task.park(waiter)
        except BaseException:
            self._abandoned.append((job, thread))
            raise
        thread.join()
        if job.error is not None:
            raise job.error
        return job.result

    def in_process(self, fn: Callable[..., Any], args: tuple[object, ...]) -> Any:
        """Wait for `fn(*args)` in a process of the pool. If cancelled before it started it never will."""
        future = self._pool().submit(fn, *args)
        waiters: deque[Waiter] = deque()
        waiter = Waiter(waiters)
        waiters.append(waiter)

        def done(_: Future[Any]) -> None:
            notify_all(waiters)

        future.add_done_callback(done)
        try:
            here.task.park(waiter)
        except Cancelled:
            future.cancel()
            raise
        return future.result()

    def _pool(self) -> ProcessPoolExecutor:
        with self._mutex:
            if self._processes is None:
                import multiprocessing
                from concurrent.futures import ProcessPoolExecutor

                self._processes = ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))
            return self._processes

    def close(self, *, wait: bool = True) -> None:
        """Wait for the jobs that were left running, unless `wait` is false, and end the processes."""
        if self._processes is not None:
            self._processes.shutdown(wait=wait, cancel_futures=True)
        if not wait:
            return
        for job, thread in self._abandoned:
            thread.join()
            if job.error is not None:
                self._unhandled(job.error, "in run_in_thread, after its caller was cancelled")
