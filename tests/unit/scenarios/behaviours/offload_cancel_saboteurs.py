"""Runtimes that break one thing about the cancellation of who waits for a job."""

from __future__ import annotations

from harness.testing.saboteurs.wrapping import Wrapped


class LosesCancellation(Wrapped):
    """A cancellation by call is never delivered."""

    def open_cancel_scope(self, **kwargs):
        """Open a scope that cannot be cancelled."""
        return _Deaf(self.inner.open_cancel_scope(**kwargs))


class _Deaf(Wrapped):
    """A scope whose `cancel` does nothing."""

    async def __aenter__(self):
        await self.inner.__aenter__()
        return self

    async def __aexit__(self, *exc):
        return await self.inner.__aexit__(*exc)

    async def cancel(self):
        """Do nothing."""


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
