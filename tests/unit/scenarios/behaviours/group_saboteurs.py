"""Runtimes whose task groups do one thing in another way: not a fault, or one of this scenario's own making."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from harness.testing.wrapping import Group, SabotagedRuntime
from harness_saboteurs import sabotage
from harness_scenarios.behaviours.cancel_target import PlannedFailureError


class _ReportingGroup(Group):
    """Of several errors a group raises one and reports the others."""

    async def __aexit__(self, *exc):
        try:
            return await super().__aexit__(*exc)
        except BaseExceptionGroup as several:
            first, *others = several.exceptions
            self.runtime.reports = [str(other) for other in others]
            raise first from None


class _UnevenGroup(Group):
    """A group of asyncio that fails cancels its parent once more than it takes back."""

    async def __aexit__(self, *exc):
        try:
            return await super().__aexit__(*exc)
        except BaseExceptionGroup:
            asyncio.current_task().cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0)
            raise


class _LateGroup(Group):
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
        left = await super().__aexit__(*exc)
        if self.errors:
            raise ExceptionGroup("late", self.errors)
        return left


class SecondRaisesLate(SabotagedRuntime):
    """Of three groups the second one raises the errors of its tasks when its body has ended, not before."""

    opened = 0

    def open_task_group(self):
        """Open a group, or a late one."""
        self.opened += 1
        kind = _LateGroup if self.opened % 3 == 2 else Group
        return kind(self.inner.open_task_group(), self)


class _DroppingGroup(Group):
    """A group that is cancelled accepts tasks and drops them."""

    is_over = False

    async def spawn(self, fn, *args, name=None):
        if not self.is_over:
            await self.inner.spawn(fn, *args, name=name)

    async def cancel(self):
        self.is_over = True
        await self.inner.cancel()


ReportsAllButOne = sabotage(_ReportingGroup)
ForgetsToUncancel = sabotage(_UnevenGroup)
DropsLateTasks = sabotage(_DroppingGroup)
