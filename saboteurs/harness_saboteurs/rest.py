"""Faults of calls and arguments that no other theme breaks: states, the first of several calls, starts of children."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from harness.api import processes_of
from harness.testing.wrapping import Bridge, Child, Condition, Event, Lock, SabotagedRuntime, Wrapped

from .faults import fault

# --- states ---


@fault("event-unset-by-a-second-set")
class _EventUnsetByASecondSet(Event):
    """A second `set` of an event unsets it."""

    is_unset = False

    async def set(self) -> None:
        self.is_unset = self.inner.is_set()
        await self.inner.set()

    def is_set(self) -> bool:
        return self.inner.is_set() and not self.is_unset


@fault("locked-lies")
class _LockedLies(Lock):
    """A lock that was taken by `async with` tells that it is free."""

    inside = False

    async def __aenter__(self) -> Any:
        self.inside = True
        return await super().__aenter__()

    async def __aexit__(self, *exc: object) -> None:
        self.inside = False
        await super().__aexit__(*exc)

    def locked(self) -> bool:
        return self.inner.locked() and not self.inside


@fault("condition-open-by-hand")
class _ConditionOpenByHand(Condition):
    """`acquire` and `release` of a condition, called by hand, do nothing."""

    async def __aenter__(self) -> Any:
        await self.inner.acquire()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.inner.release()

    async def acquire(self) -> None:
        pass

    async def release(self) -> None:
        pass


# --- the first of several calls ---

_Fn = Callable[[], Awaitable[Any]]


@fault("select-returns-one")
class _SelectReturnsOne(SabotagedRuntime):
    """Of several calls that complete at once one result is returned."""

    async def first_completed(self, *fns: _Fn) -> Sequence[tuple[int, Any]]:
        return (await self.inner.first_completed(*fns))[:1]


@fault("select-leaves-losers")
class _SelectLeavesLosers(SabotagedRuntime):
    """The last call that loses is not waited for."""

    async def first_completed(self, *fns: _Fn) -> Sequence[tuple[int, Any]]:
        last = len(fns) - 1
        ended = self.inner.create_event()

        async def detach() -> Any:
            await self.inner.spawn_detached(fns[last])
            await ended.wait()

        return await self.inner.first_completed(*fns[:last], detach if last else fns[last])


@fault("select-cancels-none")
class _SelectCancelsNone(SabotagedRuntime):
    """A call that loses is shielded from its cancellation, and ends by itself if it does."""

    async def first_completed(self, *fns: _Fn) -> Sequence[tuple[int, Any]]:
        return await self.inner.first_completed(*(lambda fn=fn: self.inner.run_shielded(fn) for fn in fns))


# --- starts of children ---


class _Starting(Wrapped):
    dropped: str

    async def start_process(self, command: Sequence[str], **arguments: Any) -> Any:
        arguments.pop(self.dropped, None)
        return await self.inner.start_process(command, **arguments)


class _StartsWithout(SabotagedRuntime):
    dropped = ""

    def processes(self) -> Any:
        """Return a chapter that drops an argument of each start."""
        chapter = _Starting(processes_of(self.inner))
        chapter.dropped = self.dropped
        return chapter


@fault("start-ignores-env")
class _StartIgnoresEnv(_StartsWithout):
    """A child has the environment of its parent, whatever it was started with."""

    dropped = "env"


@fault("start-ignores-cwd")
class _StartIgnoresCwd(_StartsWithout):
    """A child has the folder of its parent, whatever it was started with."""

    dropped = "cwd"


@fault("start-mixes-no-stderr")
class _StartMixesNoStderr(_StartsWithout):
    """The stderr of a child does not go to its stdout as asked."""

    dropped = "stderr"


class _Running(Wrapped):
    async def run_process(self, command: Sequence[str], *, data: bytes = b"") -> Any:
        return await self.inner.run_process(command, data=data[:-1])


@fault("run-drops-data")
class _RunDropsData(SabotagedRuntime):
    """A program that is run gets its data without the last byte."""

    def processes(self) -> Any:
        return _Running(processes_of(self.inner))


@fault("poll-never-knows")
class _PollNeverKnows(Child):
    """`poll` does not tell the exit code of a child that was waited for."""

    def poll(self) -> int | None:
        return None


@fault("pid-is-another-one")
class _PidIsAnotherOne(Child):
    """`pid` is not that of the child."""

    @property
    def pid(self) -> int:
        return int(self.inner.pid) + 1


class _Mute(Wrapped):
    async def receive_some(self, max_bytes: int) -> bytes:
        while await self.inner.receive_some(max_bytes):
            pass
        return b""


@fault("stderr-is-mute")
class _StderrIsMute(Child):
    """Nothing is read from the stderr of a child."""

    @property
    def stderr(self) -> Any:
        return None if self.inner.stderr is None else _Mute(self.inner.stderr)


# --- calls from threads ---


@fault("result-of-a-call-lost")
class _ResultOfACallLost(Bridge):
    """A thread that has the scheduler call a function gets no result."""

    def call(self, fn: Callable[..., Any], *args: object) -> Any:
        self.inner.call(fn, *args)


@fault("error-of-a-call-lost")
class _ErrorOfACallLost(Bridge):
    """A thread that has the scheduler call a function gets nothing for its error."""

    def call(self, fn: Callable[..., Any], *args: object) -> Any:
        with suppress(Exception):
            return self.inner.call(fn, *args)
        return None
