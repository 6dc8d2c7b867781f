"""What kind of hang it is follows from facts, by rules."""

import os
import socket
import subprocess
import sys

import pytest

from harness.execute.autopsy import Facts, diagnose, innermost_frame, tasks_of
from harness.execute.procfs import Descriptor, read_children, read_descriptors, read_threads
from harness.wire import TASKS_BEGIN, TASKS_END

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
UNREAD = Descriptor(fd=7, what="tcp 127.0.0.1:1 to 127.0.0.1:2", state="established", unread=26)
QUIET = Descriptor(fd=8, what="tcp 127.0.0.1:1", state="listening")
STACKS = """\
Thread 0x01 (most recent call first):
  File "other.py", line 1 in wait

Current thread 0x02 (most recent call first):
  File "scenario.py", line 12 in spin
  File "runtime.py", line 3 in run
"""


def facts(**changed):
    """Return facts of a process that is idle and has nothing."""
    nothing = {"is_busy": False, "has_answered": True, "descriptors": (QUIET,), "children": (), "innermost": "s.py:1"}
    return Facts(**(nothing | changed))


@pytest.mark.parametrize(
    ("changed", "diagnosis", "reason"),
    [
        ({}, "unknown", "none of its descriptors has anything to read"),
        (
            {"descriptors": (QUIET, UNREAD)},
            "lost wake-up",
            "fd 7 tcp 127.0.0.1:1 to 127.0.0.1:2, established, 26 bytes unread",
        ),
        ({"children": ("9 python",)}, "waiting for a child", "9 python"),
        ({"is_busy": True}, "livelock", "makes no progress"),
        ({"is_busy": True, "has_answered": False}, "blocked scheduler", "innermost frame: s.py:1"),
        ({"is_busy": True, "descriptors": (UNREAD,)}, "livelock", "makes no progress"),
    ],
)
def test_rules(changed, diagnosis, reason):
    """Each says why."""
    found, reasons = diagnose(facts(**changed))
    assert found == diagnosis
    assert any(reason in line for line in reasons)


def test_the_frame_and_the_tasks_are_read_from_the_dump():
    """The thread that ran counts, not the first."""
    assert innermost_frame(STACKS) == "scenario.py, line 12 in spin"
    assert tasks_of(f"{STACKS}\n{TASKS_BEGIN}main: sleeps\nchild: waits\n{TASKS_END}") == (
        "main: sleeps",
        "child: waits",
    )
    assert (tasks_of(STACKS), innermost_frame("")) == ((), "")


@linux
def test_descriptors_say_what_the_kernel_holds():
    """Unread bytes, connections that wait, and a peer that has closed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
        with client, accepted, socket.create_connection(listener.getsockname()) as waiting:
            client.sendall(b"x" * 26)
            accepted.shutdown(socket.SHUT_WR)
            found = {descriptor.fd: descriptor for descriptor in read_descriptors(os.getpid())}
            assert (found[accepted.fileno()].unread, found[accepted.fileno()].is_ready) == (26, True)
            assert (found[listener.fileno()].state, found[listener.fileno()].unread) == ("listening", 1)
            assert "1 connections wait" in str(found[listener.fileno()])
            assert found[client.fileno()].state == "peer closed"
            assert not found[waiting.fileno()].is_ready


@linux
def test_threads_and_children():
    """By number and name."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert [line.split()[0] for line in read_children(os.getpid()) if line.split()[0] == str(child.pid)]
        child.communicate(b"\n")
    assert any(line.startswith(f"{os.getpid()} ") for line in read_threads(os.getpid()))


def test_a_process_that_is_gone_says_nothing():
    """And nothing raises."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    assert (read_descriptors(child.pid), read_children(child.pid), read_threads(child.pid)) == ([], [], ())
