"""The `Probe` that scenarios record with."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from harness.api import PeerEndedError, Runtime, TaskSnapshot
from harness.model.outcome import Observed, Step
from harness.wire import Driving, Shared, bound_value

from .channel import Pipe

_MOST_TASKS = 20
_FRAMES = 5
"""Of a task, innermost first: where it waits, and what called that."""
_POLL = 0.005
_POLL_END = 0.02


class WorkerProbe:
    """Records to the runner's pipe; see `harness.api.Probe` for the contract."""

    def __init__(
        self,
        *,
        runtime: Runtime,
        pipe: Pipe,
        progress: memoryview,
        role: str,
        peers: frozenset[str],
        parameters: Mapping[str, Any],
        seed: int,
        runner: str = "",
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.role = role
        self.parameters = parameters
        self.seed = seed
        self._runtime = runtime
        self._pipe = pipe
        self._progress = progress
        self._peers = peers
        self._runner = runner
        self._options = options or {}
        self._lock = threading.Lock()
        self.started = time.monotonic()
        """When its clock was 0."""

    def observe(self, key: str, value: object) -> None:
        """Record a fact at once.

        Raises:
            TypeError: the key is no text.
        """
        if not isinstance(key, str):
            raise TypeError(f"the key of an observation is a text, not {type(key).__name__}: {key!r:.80}")
        value = bound_value(value)
        self._pipe.send(Observed(role=self.role, key=key, value=value, at=time.monotonic() - self.started))

    def step(self, actor: str, what: str) -> None:
        """Record that an actor reached a step."""
        self._pipe.send(Step(role=self.role, actor=actor, what=what, at=time.monotonic() - self.started))

    def advance(self, count: int = 1) -> None:
        """Report progress on the page that the runner shares."""
        # Two threads may lose an increment to each other; a heartbeat need not be exact, only fast.
        self._progress[0] += count

    def describe_tasks(self) -> list[str]:
        """Return a line for each live task with its innermost frames."""
        with suppress(Exception):  # seen from another thread, a runtime may change meanwhile
            return [_describe(task) for task in self._runtime.tasks()][:_MOST_TASKS]
        return []

    @contextmanager
    def looking_after(self, seconds: float) -> Iterator[list[str]]:
        """Describe the tasks from another thread, if the block has not ended by then."""
        seen: list[str] = []
        is_over = threading.Event()

        def look() -> None:
            if not is_over.wait(seconds):
                seen.extend(self.describe_tasks())

        thread = threading.Thread(target=look, daemon=True, name="harness look")
        thread.start()
        try:
            yield seen
        finally:
            is_over.set()
            thread.join()

    @contextmanager
    def driving(self, what: str) -> Iterator[None]:
        """Mark a block that drives the question on the page that the runner shares, with its question."""
        with self._lock:
            self._progress[2] += 1
        self._pipe.send(Driving(what=what))
        try:
            yield
        finally:
            with self._lock:
                self._progress[2] -= 1

    def share(self, key: str, value: object) -> None:
        """Publish a value to the other roles."""
        self._pipe.send(Shared(key=key, value=value))

    async def receive(self, key: str) -> Any:
        """Wait until another role has shared `key`."""
        while key not in (shared := self._pipe.shared()):
            # Orders are read in one go, so a value shared before the end is in `shared` by now.
            if self._peers <= self._pipe.ended() and key not in shared:
                raise PeerEndedError(f"every other role ended before it shared {key!r}")
            await self._runtime.sleep(_POLL)
        return shared[key]

    async def until_ended(self, role: str) -> None:
        """Wait until a role has ended."""
        while role not in self._pipe.ended():
            await self._runtime.sleep(_POLL_END)

    def program(self, function: str, *arguments: str) -> tuple[str, ...]:
        """Return the command of a program that runs on the backend of this cell."""
        from .program import make_command  # few scenarios start one

        return make_command(self._runner, self._options, function, arguments)


def _describe(task: TaskSnapshot) -> str:
    waits = f" waits for {task.waits_for.value}" if task.waits_for else ""
    places = [
        f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
        for frame in reversed(task.frames[-_FRAMES:])
    ]
    return f"{task.name}{waits}: {' < '.join(places) or 'it has no frames'}"
