"""A worker says when a task gives way, once for each time it is asked."""

import asyncio
import os
import signal
import sys
import tempfile

import pytest

from harness.execute.hang.stalls import main_stack
from harness.wire import TURNED
from harness.worker.turns import TURN_SIGNAL, tell_turn_on_signal


@pytest.fixture
def told():
    before = signal.getsignal(TURN_SIGNAL)
    with tempfile.TemporaryFile() as file:
        tell_turn_on_signal(file.fileno())
        yield lambda: os.pread(file.fileno(), 10_000, 0).decode()
    signal.signal(TURN_SIGNAL, before)


def ask():
    os.kill(os.getpid(), TURN_SIGNAL)


def test_it_is_told_when_the_task_gives_way(told):
    """And not before, however many calls and awaits that do not give way."""

    async def inner():
        ask()
        sum(map(abs, range(10)))

    async def main():
        await inner()
        await inner()
        before = told()
        await asyncio.sleep(0)
        return before, told()

    before, after = asyncio.run(main())
    assert main_stack(before)[0].function == "ask"
    assert TURNED not in before
    assert after.startswith(f"{before}{TURNED}")
    assert float(after.removeprefix(f"{before}{TURNED}")) > 0
    assert sys.getprofile() is None
    assert told() == after


def test_who_measures_is_left_alone(told):
    """A profiler that is there stays there."""

    def profiler(frame, event, arg):
        return None

    sys.setprofile(profiler)
    try:
        ask()
        assert sys.getprofile() is profiler
    finally:
        sys.setprofile(None)
    assert TURNED not in told()
