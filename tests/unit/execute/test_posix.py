"""Ending what a cell leaves behind. Real processes."""

import errno
import os
import subprocess
import sys
import time

import psutil
import pytest

from harness.execute import posix
from harness.execute.watcher import watched

linux = pytest.mark.skipif(sys.platform != "linux", reason="orphans fall to us on Linux only")

DAEMON = """
import os
if os.fork(): os._exit(0)
os.setsid()
pid = os.fork()
if pid:
    print(pid, flush=True)
    os._exit(0)
os.close(1)
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.pause()
"""


@linux
def test_sweep_finds_a_daemon_in_another_session_with_another_environment():
    """A daemonised grandchild falls to us, is ended and named."""
    assert posix.adopt_orphans()
    spared = posix.child_pids()
    done = subprocess.run(
        [sys.executable, "-c", DAEMON], env={}, stdout=subprocess.PIPE, text=True, check=True, timeout=20
    )
    pid = int(done.stdout)
    ended, survivors = posix.sweep("no token", spared, deadline=time.monotonic() + 5)
    assert [line.split()[0] for line in ended] == [str(pid)]
    assert survivors == ()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@linux
def test_sweep_leaves_the_spared_alone():
    """Children that were there before the cell are not the cell's."""
    posix.adopt_orphans()
    mine = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    try:
        assert posix.sweep("no token", posix.child_pids(), deadline=time.monotonic() + 5) == ((), ())
        assert mine.poll() is None
    finally:
        mine.kill()
        mine.wait()


def test_a_shared_file_is_shared():
    """What a child writes to the page is read here without its help."""
    fd = posix.shared_file("test", 8)
    subprocess.run([sys.executable, "-c", f"import os; os.pwrite({fd}, b'abc', 2)"], pass_fds=(fd,), check=True)
    assert os.pread(fd, 8, 0) == b"\0\0abc\0\0\0"
    os.close(fd)


@linux
def test_a_pinned_process_stays_on_its_cpu():
    """And one that is gone already is no error."""
    cpu = posix.usable_cpus()[-1]
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    try:
        posix.pin(child.pid, cpu)
        assert os.sched_getaffinity(child.pid) == {cpu}
    finally:
        child.kill()
        child.wait()
    posix.pin(child.pid, cpu)


def watcher_of(before):
    """Return the watcher that was started since."""
    (started,) = posix.HELPERS - before
    return psutil.Process(started)


@linux
def test_a_watcher_that_is_stopped():
    """It is continued before the next cell, and holds up no end."""
    before = set(posix.HELPERS)
    began = time.monotonic()
    with watched() as held:
        watcher = watcher_of(before)
        watcher.suspend()
        os.waitid(os.P_PID, watcher.pid, os.WSTOPPED | os.WNOWAIT)
        assert held.find_fault() == ""
        assert [note.helper for note in held.take_notes()] == ["the watcher of this run"]
        assert watcher.status() != psutil.STATUS_STOPPED
        watcher.suspend()
    assert not watcher.is_running()
    assert time.monotonic() - began < 5


@linux
def test_a_watcher_that_cannot_be_started(monkeypatch):
    """The reason is there before each cell, until it can."""
    started = subprocess.Popen

    def refuse(*_args, **_options):
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    before = set(posix.HELPERS)
    with watched() as held:
        assert "this host cannot run it" in held.find_fault()
        monkeypatch.setattr(subprocess, "Popen", started)
        assert held.find_fault() == ""
        assert watcher_of(before).is_running()


@linux
def test_a_watcher_that_was_killed():
    """Another one takes its place before the next cell."""
    before = set(posix.HELPERS)
    with watched() as held:
        watcher = watcher_of(before)
        watcher.kill()
        os.waitid(os.P_PID, watcher.pid, os.WEXITED | os.WNOWAIT)
        known = set(posix.HELPERS)
        assert held.find_fault() == ""
        assert watcher_of(known).is_running()
