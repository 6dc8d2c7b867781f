"""Extra turns of tasks find defects that the usual order of a loop does not show."""

import asyncio
import inspect
from collections import deque

import pytest
import uvloop

from harness_asyncio.delays import DelayingTasks

SEEDS = range(1, 101)
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


class Pool:
    """One connection; a waiter that is cancelled while it is handed over loses it."""

    def __init__(self):
        self.free = deque([1])
        self.waiters = deque()

    async def acquire(self):
        """Wait for the connection."""
        if self.free:
            return self.free.popleft()
        waiter = asyncio.get_running_loop().create_future()
        self.waiters.append(waiter)
        return await waiter

    def release(self, connection):
        """Hand it to the next waiter."""
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        self.free.append(connection)


async def count_free():
    """Return how many connections are there in the end."""
    pool = Pool()
    held = await pool.acquire()

    async def hold():
        await asyncio.sleep(0)
        pool.release(held)

    async def wait():
        pool.release(await pool.acquire())

    async def give_up(task):
        for _ in range(4):
            await asyncio.sleep(0)
        task.cancel()

    waiting = asyncio.create_task(wait())
    jobs = (asyncio.create_task(hold()), asyncio.create_task(give_up(waiting)), waiting)
    await asyncio.gather(*jobs, return_exceptions=True)
    return len(pool.free)


def run_under(make_loop, seed):
    """Return the number of connections under the order of a seed; `None` for the own order."""
    loop = make_loop()
    if seed is not None:
        loop.set_task_factory(DelayingTasks(seed))
    try:
        return loop.run_until_complete(count_free())
    finally:
        loop.close()


@pytest.mark.parametrize("name", LOOPS)
def test_a_lost_connection_is_found_and_shown_again(name):
    """The plain test passes each time; a seed that loses the connection does so each time, on each loop."""
    make_loop = LOOPS[name]
    assert {run_under(make_loop, None) for _ in SEEDS} == {1}
    assert {run_under(make_loop, 0) for _ in SEEDS} == {1}
    losing = [seed for seed in SEEDS if run_under(make_loop, seed) == 0]
    assert losing
    assert {run_under(make_loop, losing[0]) for _ in range(20)} == {0}
    assert losing == [seed for seed in SEEDS if run_under(asyncio.new_event_loop, seed) == 0]


def test_a_delayed_coroutine_looks_like_its_own():
    """Libraries look at its frame and its state."""

    async def main():
        coro = asyncio.current_task().get_coro()
        return coro.cr_code.co_name, coro.__qualname__, inspect.getcoroutinestate(coro)

    loop = asyncio.new_event_loop()
    loop.set_task_factory(DelayingTasks(0))
    name, qualname, state = loop.run_until_complete(main())
    loop.close()
    assert (name, qualname.rpartition(".")[2], state) == ("main", "main", inspect.CORO_RUNNING)
