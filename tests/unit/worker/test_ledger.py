"""What a scenario leaves behind in its own process."""

import os
import sys

import pytest

from harness.worker.ledger import Ledger

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says which fds are open")


class FakeRuntime:
    """Its tasks are what each next look shows."""

    def __init__(self, *looks):
        self._looks = list(looks)
        self.slept = 0

    def dump_tasks(self):
        return self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]

    async def sleep(self, seconds):
        self.slept += 1


def close(ledger, runtime):
    with pytest.raises(StopIteration):
        ledger.close_tasks(runtime).send(None)


def test_an_open_fd_is_named():
    """One that was there before is not; one that was closed is not."""
    before = os.open("/dev/null", os.O_RDONLY)
    ledger = Ledger()
    ledger.open(FakeRuntime(["main: here"]))
    left, closed = os.open("/dev/zero", os.O_RDONLY), os.open("/dev/null", os.O_RDONLY)
    os.close(closed)
    assert ledger.leaks() == (f"fd {left} /dev/zero",)
    os.close(left)
    os.close(before)


def test_a_task_that_stays_is_named():
    """Wherever it waits by then."""
    ledger = Ledger()
    runtime = FakeRuntime(["main: a.py:1"], ["main: a.py:2", "reader: b.py:7"])
    ledger.open(runtime)
    close(ledger, runtime)
    assert ledger.leaks() == ("task reader: b.py:7",)
    assert runtime.slept == 100


def test_a_task_on_its_way_out_gets_the_time():
    """It is looked at again, and not waited for longer than it takes."""
    ledger = Ledger()
    runtime = FakeRuntime(["main: a"], ["main: a", "reader: b"], ["main: a"])
    ledger.open(runtime)
    close(ledger, runtime)
    assert (ledger.leaks(), runtime.slept) == ((), 1)
