"""A scheduler of its own in another thread, for what may end it, and calls that are made by threads."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any

from harness.api import Bridge, Runtime, UnsupportedError, bridge_of

_POLL_SECONDS = 0.002
PATIENCE_SECONDS = 0.6
"""How long to wait for what takes a millisecond on an idle machine, and may not come at all."""

THREAD_PATIENCE_SECONDS = 2.0
"""The same in a thread, which can only wait for a time."""


async def wait_until(runtime: Runtime, is_so: Callable[[], bool], seconds: float) -> bool:
    """Wait for a change in another thread; return whether it came in time.

    The limit counts polls and not seconds: on a busy machine each poll takes longer, as does the awaited change.
    """
    for _ in range(max(1, round(seconds / _POLL_SECONDS))):
        if is_so():
            return True
        await runtime.sleep(_POLL_SECONDS)
    return is_so()


class ForeignCall:
    """A function called in a thread of its own, which drives no task."""

    def __init__(self, fn: Callable[..., Any], *args: object) -> None:
        self.value: Any = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(fn, *args), daemon=True)
        self._thread.start()

    def _run(self, fn: Callable[..., Any], *args: object) -> None:
        try:
            self.value = fn(*args)
        except BaseException as exc:  # noqa: BLE001 - the exception is the answer
            self.error = exc

    @property
    def ended(self) -> bool:
        """Whether the thread has ended."""
        return not self._thread.is_alive()


async def call_in_thread(runtime: Runtime, fn: Callable[..., Any], *args: object, seconds: float = 3.0) -> ForeignCall:
    """Call a function in a thread and wait for its end, for at most so long."""
    call = ForeignCall(fn, *args)
    await wait_until(runtime, lambda: call.ended, seconds)
    return call


class Sandbox:
    """Another scheduler in a thread; its errors and reports stay here.

    `main(runtime)` runs on it. The exception that ended the scheduler is in `raised`, its reports are in `reports`.
    """

    def __init__(self, runtime: Runtime, main: Callable[[Runtime], Awaitable[object]]) -> None:
        self._runtime = runtime
        self._main = main
        self.bridge: Bridge | None = None
        """The bridge to it, once it runs."""
        self.raised: BaseException | None = None
        self.reports: list[tuple[BaseException | None, str]] = []
        self._call = ForeignCall(bridge_of(runtime).run_scheduler, self._run, self._report)

    async def _run(self, runtime: Runtime) -> None:
        self.bridge = bridge_of(runtime)
        await self._main(runtime)

    def _report(self, exc: BaseException | None, context: str) -> None:
        self.reports.append((exc, context))

    @property
    def ended(self) -> bool:
        """Whether the scheduler has ended."""
        if self._call.ended:
            self.raised = self._call.error
        return self._call.ended

    async def until_ended(self, seconds: float = 2.0) -> bool:
        """Wait for the end of the scheduler; return whether it came."""
        return await wait_until(self._runtime, lambda: self.ended, seconds)


class WaitsForeverError(Exception):
    """A call of a thread that had not come back after the time given."""


def run_limited(
    bridge: Bridge, fn: Callable[..., Awaitable[Any]], *args: object, seconds: float = THREAD_PATIENCE_SECONDS
) -> Any:
    """Do `bridge.run(fn, *args)`, for a limited time where the runtime can limit it, so that no thread is left behind.

    Raises:
        WaitsForeverError: the time is over.
    """
    try:
        job = bridge.submit(fn, *args)
    except UnsupportedError:
        return bridge.run(fn, *args)
    try:
        return job.result(seconds)
    except TimeoutError:
        if job.done():  # it is the job's own error
            raise
        job.cancel()
        raise WaitsForeverError from None
