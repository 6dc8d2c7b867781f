"""Runtimes that do one thing in another way when who waits for a job is cancelled: no fault, another policy."""

from __future__ import annotations

from harness.testing.wrapping import Wrapped


class KeepsJobs(Wrapped):
    """A job is done whatever becomes of its caller."""

    async def run_in_thread(self, fn, *args):
        """Run it behind a shield."""
        return await self.inner.run_shielded(self.inner.run_in_thread, fn, *args)


class ReportsErrors(Wrapped):
    """What a job raises is written to a log, whoever waits for it."""

    async def run_in_thread(self, fn, *args):
        """Run it, and ask an error for its text as a log does."""

        def job():
            try:
                return fn(*args)
            except Exception as exc:
                str(exc)
                raise

        return await self.inner.run_in_thread(job)
