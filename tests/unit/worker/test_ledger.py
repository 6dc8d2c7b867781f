"""What a scenario leaves behind in its own process."""

import mmap
import os
import subprocess
import sys
import threading

import pytest

from harness.api import TaskSnapshot
from harness.worker import ledger as ledger_module
from harness.worker.ledger import Ledger
from harness.worker.leftovers import describe_child, list_threads

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says which fds are open")


class FakeRuntime:
    """Its tasks are what each next look shows, by their names."""

    def __init__(self, *looks):
        self._looks = list(looks)
        self.slept = 0

    def tasks(self):
        names = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        here = sys._getframe()
        return [TaskSnapshot(name=name, frames=(here,)) for name in names]

    def scheduler(self):
        return self

    async def sleep(self, seconds):
        self.slept += 1


def close(ledger, runtime):
    with pytest.raises(StopIteration):
        ledger.close_tasks(runtime).send(None)


def test_an_open_fd_is_named():
    """One that was there before is not; one that was closed is not."""
    before = os.open("/dev/null", os.O_RDONLY)
    ledger = Ledger()
    ledger.open(FakeRuntime(["main"]))
    left, closed = os.open("/dev/zero", os.O_RDONLY), os.open("/dev/null", os.O_RDONLY)
    os.close(closed)
    assert ledger.leaks() == (f"fd {left} /dev/zero",)
    os.close(left)
    os.close(before)


def test_a_task_that_stays_is_named():
    """With the line where it waits."""
    ledger = Ledger()
    runtime = FakeRuntime(["main"], ["main", "reader"])
    ledger.open(runtime)
    close(ledger, runtime)
    (line,) = ledger.leaks()
    assert line.startswith(f"task reader: {__file__}:")
    assert line.endswith(" in FakeRuntime.tasks")
    assert runtime.slept == 100


def test_a_task_on_its_way_out_gets_the_time():
    """It is looked at again, and not waited for longer than it takes."""
    ledger = Ledger()
    runtime = FakeRuntime(["main"], ["main", "reader"], ["main"])
    ledger.open(runtime)
    close(ledger, runtime)
    assert (ledger.leaks(), runtime.slept) == ((), 1)


def opened():
    ledger = Ledger()
    ledger.open(FakeRuntime(["main"]))
    return ledger


@pytest.fixture(autouse=True)
def _short_settle(monkeypatch):
    monkeypatch.setattr(ledger_module, "_SETTLE_SECONDS", 0.001)


def test_a_thread_that_stays_is_named(monkeypatch):
    """With the line where it is; one that was there before is not, nor one that ends meanwhile."""
    gate = threading.Lock()
    gate.acquire()

    def stay():
        with gate:
            pass

    before = threading.Thread(target=stay, name="before", daemon=True)
    before.start()
    ledger = opened()
    left = threading.Thread(target=stay, name="left", daemon=True)
    ends = threading.Event()
    ending = threading.Thread(target=ends.wait, name="ending")
    left.start()
    ending.start()
    monkeypatch.setattr(ledger_module.time, "sleep", lambda _seconds: (ends.set(), ending.join()))
    (line,) = ledger.leaks()
    assert line.startswith("thread left: ")
    assert line.endswith("in test_a_thread_that_stays_is_named.<locals>.stay")
    gate.release()
    left.join()
    before.join()
    assert ledger.leaks() == ()


def test_a_thread_that_the_runtime_keeps_is_its_own():
    """One that waits for its next job, as trio's do; with a job that is still running it is not."""
    gate, runs = threading.Event(), threading.Event()
    read, write = os.pipe()
    before = set(sys._current_frames())

    def run_worker():
        gate.wait()

    def job():
        runs.set()
        os.read(read, 1)

    idle = threading.Thread(target=run_worker, name="idle", daemon=True)
    busy = threading.Thread(target=job, name="busy")
    idle.start()
    busy.start()
    runs.wait()
    package = __name__.partition(".")[0]
    assert [line.partition(":")[0] for line in list_threads(before, {package})] == ["thread busy"]
    assert len(list_threads(before, {"elsewhere"})) == 2
    gate.set()
    os.close(write)
    idle.join()
    busy.join()
    os.close(read)


def test_a_child_that_stays_is_named():
    """Whether it runs, or has ended and nobody waited for it."""
    ledger = opened()
    runs = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    ended = os.posix_spawn("/bin/true", ["true"], {})
    os.waitid(os.P_PID, ended, os.WEXITED | os.WNOWAIT)
    lines = [line for line in ledger.leaks() if line.startswith("child ")]
    assert sorted(lines) == sorted(
        [describe_child(runs.pid), f"child {ended} true, which has ended and was not waited for"]
    )
    runs.communicate(b"\n")
    os.waitpid(ended, 0)
    assert [line for line in ledger.leaks() if line.startswith("child ")] == []


def test_what_the_process_has_grown_by():
    """Pages that were touched since."""
    ledger = opened()
    with mmap.mmap(-1, 64 << 20) as kept:  # more than what other tests may give back meanwhile
        kept.write(b"x" * len(kept))
        assert ledger.grown_bytes() >= 32 << 20
    assert Ledger().grown_bytes() is None
