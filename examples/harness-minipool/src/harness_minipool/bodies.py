"""The bodies of the scenario: each uses the pool of its runtime, as a program would."""

from __future__ import annotations

from typing import Protocol

from harness.api import CancelTrial, Probe, Runtime, cancel_at_every_turn


class Pool(Protocol):
    """Either pool of minipool."""

    @property
    def free(self) -> int:
        """The number of connections that are not lent."""

    async def acquire(self) -> int:
        """Take a connection."""

    def release(self, connection: int) -> None:
        """Give it back."""


async def on_asyncio(runtime: Runtime, probe: Probe) -> None:
    """Sweep over the pool for asyncio."""
    from minipool.on_asyncio import Pool

    await sweep(runtime, probe, Pool)


async def on_trio(runtime: Runtime, probe: Probe) -> None:
    """Sweep over the pool for trio."""
    from minipool.on_trio import Pool

    await sweep(runtime, probe, Pool)


async def sweep(runtime: Runtime, probe: Probe, make_pool: type[Pool]) -> None:
    """Cancel a task that waits for the only connection, at every turn around its release."""

    async def prepare() -> CancelTrial:
        pool = make_pool(1)
        held = await pool.acquire()

        async def borrow() -> None:
            pool.release(await pool.acquire())

        async def give_back() -> None:
            pool.release(held)

        return CancelTrial(call=borrow, meanwhile=give_back, look=lambda: pool.free)

    free = await cancel_at_every_turn(runtime, prepare)
    for moment in (moment for moment, number in free.items() if not number):
        probe.observe("lost if", moment)
    probe.observe("moments tried", len(free))
    probe.observe("connections lost", sum(1 - number for number in free.values()))
