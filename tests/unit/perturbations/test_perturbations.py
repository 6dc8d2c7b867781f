"""What the perturbations that ship with harness do in the runner and in a worker."""

import contextlib
import gc
import os
import resource
import socket
import subprocess
import sys

import psutil
import pytest

from harness.api import CellConditions
from harness_perturbations import collector, cpus, files, posix, sockets
from harness_perturbations.plugin import harness_perturbations

BY_NAME = {perturbation.name: perturbation for perturbation in harness_perturbations()}


def test_one_cpu_keeps_every_role_on_the_first():
    """Of those that the runner may use; without any the placement stays as it is."""
    for usable, chosen in (((3, 5), (3,)), ((), ())):
        conditions = CellConditions(usable)
        with BY_NAME["one-cpu"].in_runner("", conditions):
            assert conditions.cpus == chosen


def test_one_cpu_needs_a_system_that_can_keep_a_process_on_a_cpu(monkeypatch):
    """Linux can."""
    assert BY_NAME["one-cpu"].why_not_here("") == ""
    monkeypatch.delattr(os, "sched_setaffinity")
    assert BY_NAME["one-cpu"].why_not_here("") == "this system cannot keep a process on a CPU"


@pytest.mark.parametrize(("value", "usable", "count"), [("2", (), 2), ("", (0, 1, 2), 3), ("", (), 1)])
def test_hogs_spin_while_the_cell_runs(value, usable, count):
    """As many as were asked for, or one for each CPU; none is left."""
    before = set(psutil.Process().children())
    with BY_NAME["cpu-hog"].in_runner(value, CellConditions(usable)):
        hogs = set(psutil.Process().children()) - before
        assert len(hogs) == count
    assert not any(hog.is_running() for hog in hogs)


def test_a_hog_ends_with_its_runner():
    """Also where the runner is killed and cannot end it: its parent is then another process."""
    stranger = str(os.getpid() + 1)
    ended = subprocess.run([sys.executable, "-I", "-S", "-c", cpus._SPIN, stranger], timeout=20, check=False)
    assert ended.returncode == 0


def test_a_limit_of_files_is_the_perturbation_s_own():
    """So that a scenario without files is not reported to have exceeded a limit of its cell."""
    conditions = CellConditions(())
    with BY_NAME["nofile"].in_runner("64", conditions):
        assert conditions.own_limits == {"fds"}


def test_files_are_limited():
    """Never above the hard limit."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    runtime = object()
    try:
        assert files.limit_files(runtime, "256") is runtime
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (256, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(("value", "state"), [("aggressive", (True, (1, 1, 1))), ("off", (False, gc.get_threshold()))])
def test_the_collector(value, state):
    """Collects at every allocation, or never."""
    threshold = gc.get_threshold()
    try:
        collector.set_collector(object(), value)
        assert (gc.isenabled(), gc.get_threshold()) == state
    finally:
        gc.enable()
        gc.set_threshold(*threshold)


class OpensSockets:
    """A runtime that opens a plain socket for each call."""

    def __init__(self, stack):
        self._stack = stack
        self.name = "plain"

    async def connect(self, *address):
        return self._stack.enter_context(socket.socket())

    listen = connect


@pytest.mark.parametrize(
    ("narrow", "option"),
    [
        (sockets.narrow_send_buffers, socket.SO_SNDBUF),
        (sockets.narrow_receive_buffers, socket.SO_RCVBUF),
    ],
)
@pytest.mark.parametrize("call", ["connect", "listen"])
def test_sockets_have_small_buffers(narrow, option, call):
    """Whichever way they are opened; the rest of the runtime is as it was."""
    with contextlib.ExitStack() as stack:
        narrowed = narrow(OpensSockets(stack), "4096")
        assert narrowed.name == "plain"
        with pytest.raises(StopIteration) as ended:
            getattr(narrowed, call)().send(None)
        assert ended.value.value.getsockopt(socket.SOL_SOCKET, option) <= 2 * 4096  # Linux doubles what is asked for


def test_open_sockets_are_found():
    """And nothing else: pipes and files are left alone."""
    read, write = os.pipe()
    with socket.socket() as one:
        found = set(posix.open_sockets())
        assert one.fileno() in found
        assert not {read, write} & found
    os.close(read)
    os.close(write)
    posix.set_socket_option(read, socket.SO_SNDBUF, 4096)  # closed meanwhile: nothing happens
