"""Runtimes whose task groups break one thing. Each wraps the runtime it is given."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from harness_scenarios.behaviours.cancel_target import PlannedFailureError

SHORT_TRIAL = 0.3


class Wrapped:
    """Another object, but for what a subclass breaks."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)


class Group(Wrapped):
    """A task group; its manager is the same object on every backend."""

    def __init__(self, inner, runtime):
        super().__init__(inner)
        self.runtime = runtime

    async def __aenter__(self):
        await self.inner.__aenter__()
        return self

    async def __aexit__(self, *exc):
        return await self.inner.__aexit__(*exc)


class WithGroups(Wrapped):
    """A runtime with the groups of a saboteur; trials that hang are over soon."""

    group = Group

    def open_task_group(self):
        return self.group(self.inner.open_task_group(), self)

    def move_on_after(self, seconds):
        return self.inner.move_on_after(min(seconds, SHORT_TRIAL))


class NeverLeaves(WithGroups):
    """A block in which a task failed is never left."""

    class _Group(Group):
        async def __aexit__(self, *exc):
            try:
                return await self.inner.__aexit__(*exc)
            except BaseExceptionGroup as several:
                if several.split(PlannedFailureError)[1] is not None:
                    raise
                await self.runtime.create_event().wait()

    group = _Group


class SwallowsErrors(WithGroups):
    """A group cancels its tasks as it should and then drops every error."""

    class _Group(Group):
        async def __aexit__(self, *exc):
            try:
                return await self.inner.__aexit__(*exc)
            except BaseExceptionGroup:
                return True

    group = _Group


class ForgetsChildren(WithGroups):
    """A group whose body failed waits for its tasks instead of cancelling them."""

    class _Group(Group):
        async def __aexit__(self, kind, exc, trace):
            if not isinstance(exc, PlannedFailureError):
                return await self.inner.__aexit__(kind, exc, trace)
            await self.inner.__aexit__(None, None, None)
            return False

    group = _Group


class DropsAllButOne(WithGroups):
    """Of several errors a group raises one."""

    class _Group(Group):
        async def __aexit__(self, *exc):
            try:
                return await self.inner.__aexit__(*exc)
            except BaseExceptionGroup as several:
                raise several.exceptions[0] from None

    group = _Group


class ReportsAllButOne(WithGroups):
    """Of several errors a group raises one and reports the others."""

    class _Group(Group):
        async def __aexit__(self, *exc):
            try:
                return await self.inner.__aexit__(*exc)
            except BaseExceptionGroup as several:
                first, *others = several.exceptions
                self.runtime.reports = [str(other) for other in others]
                raise first from None

    group = _Group


class ForgetsToUncancel(WithGroups):
    """A group of asyncio that fails cancels its parent once more than it takes back."""

    class _Group(Group):
        async def __aexit__(self, *exc):
            try:
                return await self.inner.__aexit__(*exc)
            except BaseExceptionGroup:
                asyncio.current_task().cancel()
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(0)
                raise

    group = _Group


class SecondRaisesLate(WithGroups):
    """Of three groups the second one raises the errors of its tasks when its body has ended, not before."""

    opened = 0

    class _Late(Group):
        def __init__(self, inner, runtime):
            super().__init__(inner, runtime)
            self.errors = []

        async def spawn(self, fn, *args, name=None):
            async def keep():
                try:
                    await fn(*args)
                except PlannedFailureError as failure:
                    self.errors.append(failure)

            await self.inner.spawn(keep, name=name)

        async def __aexit__(self, *exc):
            left = await self.inner.__aexit__(*exc)
            if self.errors:
                raise ExceptionGroup("late", self.errors)
            return left

    def open_task_group(self):
        self.opened += 1
        kind = self._Late if self.opened % 3 == 2 else Group
        return kind(self.inner.open_task_group(), self)


class LeavesChildren(WithGroups):
    """Tasks of a group are nobody's: the block does not wait for them."""

    class _Group(Group):
        async def spawn(self, fn, *args, name=None):
            async def run():
                with suppress(PlannedFailureError):
                    await fn(*args)

            await self.runtime.spawn_detached(run, name=name)

    group = _Group


class SpawnsElsewhere(WithGroups):
    """A group that is cancelled or has ended still takes tasks, and runs them elsewhere."""

    class _Group(Group):
        is_over = False

        async def spawn(self, fn, *args, name=None):
            spawn = self.runtime.spawn_detached if self.is_over else self.inner.spawn
            await spawn(fn, *args, name=name)

        async def cancel(self):
            self.is_over = True
            await self.inner.cancel()

        async def __aexit__(self, *exc):
            left = await self.inner.__aexit__(*exc)
            self.is_over = True
            return left

    group = _Group


class DropsLateTasks(WithGroups):
    """A group that is cancelled accepts tasks and drops them."""

    class _Group(Group):
        is_over = False

        async def spawn(self, fn, *args, name=None):
            if not self.is_over:
                await self.inner.spawn(fn, *args, name=name)

        async def cancel(self):
            self.is_over = True
            await self.inner.cancel()

    group = _Group
