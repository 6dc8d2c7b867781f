"""One call of a runtime in a task of its own, and what became of it, for questions about calls that may never end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from harness.api import RAISED, Capability, Runtime

from .question import NEVER_ENDS, Trial

RETURNS = "returns"
NEEDED = (Capability.GROUP_CANCEL,)
"""What an attempt needs, so that a call which never ends is ended."""

_CHECKPOINTS = 30
_PAUSE_SECONDS = 0.003
_PATIENT_TURNS = 300
_TURN_SECONDS = 0.001
"""A call is given this many turns of the runtime to end. Turns, not time: a machine under load stretches both."""


class Attempt:
    """A call and its end."""

    def __init__(self, runtime: Runtime, trial: Trial, actor: str) -> None:
        self._runtime = runtime
        self._trial = trial
        self._actor = actor
        self.begun = runtime.create_event()
        self.answer = NEVER_ENDS
        """`returns`, `raises KIND`, or that it has not ended by itself."""
        self.result: Any = None
        self.error: Exception | None = None

    @property
    def ended(self) -> bool:
        """Whether the call has returned or raised by itself."""
        return self.answer != NEVER_ENDS

    async def make(self, what: str, call: Callable[..., Awaitable[object]], *args: object) -> None:
        """Make the call. Its error is kept; a cancellation passes."""
        self._trial.step(self._actor, what)
        await self.begun.set()
        try:
            self.result = await call(*args)
        except Exception as exc:
            if self._runtime.is_cancelled(exc):
                raise
            self.error = exc
            self.answer = f"raises {self._runtime.classify(exc).value}"
            self._trial.observe(RAISED, describe_raised(exc))
        else:
            self.answer = RETURNS
        self._trial.step(self._actor, self.answer)

    async def settled(self) -> None:
        """Wait until the call was made and, if it has to wait, most likely waits."""
        await self.begun.wait()
        await settle(self._runtime)

    async def patiently(self) -> str:
        """Return the answer as soon as there is one, or after many turns that there is none."""
        await wait_patiently(self._runtime, lambda: self.ended)
        if not self.ended:
            self._trial.look()
        return self.answer


def describe_raised(exc: BaseException) -> str:
    """Return an exception as class and errno, e.g. `ConnectionResetError(104)`."""
    number = getattr(exc, "errno", None)
    return f"{type(exc).__name__}({'' if number is None else number})"


async def attempt(
    runtime: Runtime, trial: Trial, actor: str, what: str, call: Callable[..., Awaitable[object]], *args: object
) -> Attempt:
    """Make a call and return what became of it; one that does not end is cancelled."""
    made = Attempt(runtime, trial, actor)
    async with runtime.open_task_group() as group:
        await group.spawn(made.make, what, call, *args)
        await made.patiently()
        await group.cancel()
    return made


async def settle(runtime: Runtime) -> None:
    """Let the runtime see everything that has happened: each checkpoint is a turn in which it looks at its sockets."""
    for _ in range(_CHECKPOINTS):
        await runtime.checkpoint()
    await runtime.sleep(_PAUSE_SECONDS)


async def wait_patiently(runtime: Runtime, condition: Callable[[], bool], turns: int = _PATIENT_TURNS) -> bool:
    """Wait until a condition holds; return whether it does after many turns."""
    for turn in range(turns):
        if condition():
            return True
        await (runtime.checkpoint() if turn < _CHECKPOINTS else runtime.sleep(_TURN_SECONDS))
    return condition()
