"""What is read from a process that hangs."""

import os
import socket
import subprocess
import sys
import time

import pytest

from harness.execute.hang.autopsy import examine, innermost_frames
from harness.execute.hang.testimony import TaskFacts, read_inspection, without_inspection
from harness.execute.procfs import (
    read_children,
    read_descriptors,
    read_held_pipes,
    read_thread_cpu,
    read_threads,
    read_zombies,
)
from harness.wire import INSPECTION, encode_line

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
STACKS = """\
Thread 0x01 (most recent call first):
  File "other.py", line 1 in wait

Current thread 0x02 (most recent call first):
  File "scenario.py", line 12 in spin
  File "runtime.py", line 3 in run
"""


def test_the_frames_are_read_from_the_dump():
    """The thread that took the signal comes first; facts behind the stacks are no frames."""
    frames = ("scenario.py, line 12 in spin", "other.py, line 1 in wait")
    assert innermost_frames(STACKS) == innermost_frames(f"{STACKS}{INSPECTION}{STACKS}") == frames
    assert innermost_frames("") == ()


def test_the_last_whole_inspection_counts():
    """One that is still being written does not, and people do not see it."""
    whole = '{"look":2,"tasks":[{"name":"a","place":"b:1"}]}'
    text = f'{STACKS}{INSPECTION}{{"look":1}}\n{INSPECTION}{whole}\n{INSPECTION}{{"lo'
    assert read_inspection(text).look == 2
    assert read_inspection(text).tasks == (TaskFacts(name="a", place="b:1"),)
    assert read_inspection(STACKS) is None
    assert without_inspection(text) == STACKS


def test_an_autopsy_of_a_live_process():
    """The facts of the process, and what follows from them."""
    autopsy = examine(os.getpid(), STACKS, cpu={os.getpid(): 0.9})
    assert autopsy.diagnosis == "blocked scheduler"
    assert autopsy.reasons[-1] == "innermost frame: scenario.py, line 12 in spin"


def test_every_task_is_listed_and_the_scenarios_waits_are_told():
    """The runtime's own tasks are in the tree, as deep as it has them, and not among the waits."""
    init = {"name": "init", "place": "r.py:1 in init", "is_internal": True}
    main = {"name": "main", "place": "s.py:2 in main", "depth": 1}
    facts = encode_line({"look": 1, "tasks": [init, main], "error": "tasks raised"}).decode()
    autopsy = examine(os.getpid(), f"{STACKS}{INSPECTION}{facts}")
    assert autopsy.tasks == (
        "(tasks raised)",
        "init waits for something in r.py:1 in init",
        "  main waits for something in s.py:2 in main",
    )
    assert autopsy.waits == ("main waits for something in s.py:2 in main",)


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
    assert read_thread_cpu(os.getpid())[os.getpid()] > 0


@linux
def test_pipes_and_zombies():
    """A pipe that another process holds open, by both; a child that has ended, until it is waited for."""
    asked = subprocess.Popen(["sh", "-c", "exit"], stdout=subprocess.PIPE)
    with subprocess.Popen(["sh", "-c", "exec sleep 60"], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        script = "import sys, time; print('up', flush=True); time.sleep(60)"
        passed = (holder.stdout.fileno(),)  # beside its standard streams
        with subprocess.Popen([sys.executable, "-c", script], pass_fds=passed, stdout=subprocess.PIPE) as reader:
            assert reader.stdout is not None
            reader.stdout.readline()
            lines = read_held_pipes(reader.pid)
            reader.kill()
        assert [line for line in lines if f"also open in {holder.pid} " in line] != [], lines
        holder.kill()
    assert asked.stdout is not None
    until = time.monotonic() + 10
    while not (found := [line for line in read_zombies(os.getpid()) if line.startswith(f"{asked.pid} ")]):
        assert time.monotonic() < until
    assert found == [f"{asked.pid} sh"]
    asked.wait()
    assert [line for line in read_zombies(os.getpid()) if line.startswith(f"{asked.pid} ")] == []
    asked.stdout.close()


def test_a_process_that_is_gone_says_nothing():
    """And nothing raises."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    assert (read_descriptors(child.pid), read_children(child.pid), read_threads(child.pid)) == ([], [], ())
    assert (read_held_pipes(child.pid), read_zombies(child.pid)) == ([], [])
