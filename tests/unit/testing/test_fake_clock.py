"""A clock that a test moves."""

import threading

import pytest

from harness.testing.fake_clock import FakeClock
from harness_asyncio.backend import AsyncioRunner
from harness_trio.backend import TrioRunner


def run(main, runner=AsyncioRunner):
    """Run a function on a runtime and return what it returns."""
    results = []

    async def keep(runtime):
        results.append(await main(runtime))

    runner({}).run(keep, lambda exc, context: None)
    return results[0]


def test_time_passes_when_the_test_says_so():
    """In seconds and nanoseconds; a poll takes a tenth of a millisecond."""
    clock = FakeClock(5.0)
    assert (clock.read(), clock.read_ns()) == (5.0, 5_000_000_000)
    clock.advance(0.25)
    assert (clock.read(), clock.read_ns()) == (5.25, 5_250_000_000)
    assert clock.poll() == pytest.approx(5.2501)


def test_a_clock_with_a_base_goes_on_by_itself():
    """And jumps when it is advanced."""
    base = [100.0]
    clock = FakeClock(5.0, base=lambda: base[0])
    base[0] += 2
    assert clock.read() == 7.0
    clock.advance(3)
    assert clock.read() == 10.0


def test_a_governed_runtime_waits_for_no_timer():
    """An hour is over at once, in the order of the timers; deadlines pass by the same clock."""
    clock = FakeClock()
    woke = []

    async def main(runtime):
        governed = clock.govern(runtime)
        started = governed.now()

        async def sleep(seconds):
            await governed.sleep(seconds)
            woke.append((seconds, governed.now() - started))

        async with governed.open_task_group() as group:
            for seconds in (3600, 1, 60):
                await group.spawn(sleep, seconds)
        async with governed.move_on_after(10) as scope:
            await governed.sleep(20)
        return scope.cancelled_caught, governed.now() - started

    assert run(main) == (True, pytest.approx(3610))
    assert woke == [(seconds, pytest.approx(seconds)) for seconds in (1, 60, 3600)]


def test_a_governed_runtime_still_sees_other_threads():
    """A result of a thread arrives, though no timer is due."""

    async def main(runtime):
        return await FakeClock().govern(runtime).run_in_thread(int, "7")

    assert run(main) == 7


def test_a_loop_that_ends_waits_for_its_threads():
    """Their time limit (of asyncio from 3.12 on) does not pass at once, so that a slow one is no time-out."""
    go_on, ended = threading.Event(), []

    def work():
        go_on.wait(10)
        ended.append(True)

    async def main(runtime):
        FakeClock().govern(runtime)
        loop = runtime.scheduler()
        loop.run_in_executor(None, work)
        shut_down = loop.shutdown_default_executor

        def shut_down_with_a_slow_thread(*args):
            threading.Timer(0.05, go_on.set).start()
            return shut_down(*args)

        loop.shutdown_default_executor = shut_down_with_a_slow_thread

    run(main)
    assert ended == [True]


def test_a_scheduler_that_cannot_be_governed():
    """The message names its type."""

    async def main(runtime):
        with pytest.raises(TypeError, match="cannot govern Runner: it is no asyncio event loop on a selector"):
            FakeClock().govern(runtime)

    run(main, TrioRunner)
