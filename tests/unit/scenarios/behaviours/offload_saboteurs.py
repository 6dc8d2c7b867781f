"""Runtimes that break one thing about blocking work. Each wraps the runtime it is given."""

from __future__ import annotations

import contextvars
from contextlib import suppress

from .group_saboteurs import Wrapped


class BlocksTheRuntime(Wrapped):
    """A job is done by the task that wants it, and everybody else stands still."""

    async def run_in_thread(self, fn, *args):
        return fn(*args)


class LosesErrors(Wrapped):
    """A job that fails looks as if it had returned nothing."""

    async def run_in_thread(self, fn, *args):
        with suppress(BaseException):
            return await self.inner.run_in_thread(fn, *args)


class DropsJobs(Wrapped):
    """Every other job is never run."""

    count = 0

    async def run_in_thread(self, fn, *args):
        self.count += 1
        if self.count % 2:
            await self.inner.run_in_thread(fn, *args)


class BreaksAtAnError(Wrapped):
    """After a job has failed, it and every later one fail in the same way."""

    broken = False

    async def run_in_thread(self, fn, *args):
        try:
            if not self.broken:
                return await self.inner.run_in_thread(fn, *args)
        except Exception:
            self.broken = True
        raise RuntimeError("the pool is broken")


class RenamesErrors(Wrapped):
    """What a job raises arrives as another error."""

    async def run_in_thread(self, fn, *args):
        try:
            return await self.inner.run_in_thread(fn, *args)
        except ValueError as error:
            raise RuntimeError("a job failed") from error


class SharesItsContext(Wrapped):
    """What a job changes in its context is changed for its caller."""

    async def run_in_thread(self, fn, *args):
        context = contextvars.copy_context()
        result = await self.inner.run_in_thread(context.run, fn, *args)
        for variable, value in context.items():
            variable.set(value)
        return result


class NeverReturns(Wrapped):
    """A job that fails is never heard of; trials are over soon."""

    async def run_in_thread(self, fn, *args):
        try:
            return await self.inner.run_in_thread(fn, *args)
        except Exception:
            await self.inner.create_event().wait()

    def move_on_after(self, seconds):
        return self.inner.move_on_after(min(seconds, 0.3))


class SwallowsCancellation(NeverReturns):
    """Whoever is cancelled while it waits for a job waits on, for ever."""

    async def run_in_thread(self, fn, *args):
        with suppress(BaseException):
            await self.inner.run_in_thread(fn, *args)
        await self.inner.create_event().wait()
