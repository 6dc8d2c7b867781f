"""How many processes this host still allows, and which errors come from a lack of them."""

import errno
import os
import resource

import pytest

from harness.host import faults, process_room


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A host with a process of two threads, in a cgroup below another one."""
    (tmp_path / "proc" / "7" / "task" / "7").mkdir(parents=True)
    (tmp_path / "proc" / "7" / "task" / "8").mkdir()
    (tmp_path / "proc" / "self").mkdir()
    (tmp_path / "proc" / "self" / "cgroup").write_text("8:pids,cpu:/above/own\n4:memory:/elsewhere\n0::/two\n")
    monkeypatch.setattr(process_room.os, "getuid", lambda: (tmp_path / "proc" / "7").stat().st_uid or 1000)
    limits = [(resource.RLIM_INFINITY, resource.RLIM_INFINITY)]
    monkeypatch.setattr(process_room.resource, "getrlimit", lambda _which: limits[-1])

    def limit_cgroup(name, most, used):
        folder = tmp_path / "cgroups" / name
        folder.mkdir(parents=True)
        (folder / "pids.max").write_text(f"{most}\n")
        (folder / "pids.current").write_text(f"{used}\n")

    limit_cgroup.user = lambda most: limits.append((most, most))
    limit_cgroup.look = lambda: process_room.find_shortage(tmp_path / "proc", tmp_path / "cgroups")
    return limit_cgroup


def test_a_host_without_a_limit(host):
    """Nor is one that leaves thousands of processes a shortage."""
    host("pids/above/own", "max", 3)
    assert host.look() == ""
    host.user(100_000)
    assert host.look() == ""


def test_a_limit_of_the_user(host):
    """Both numbers are named."""
    host.user(64)
    said = host.look()
    assert said.startswith("this user may have 64 processes and threads and has ")
    assert said.endswith("(ulimit -u)")


@pytest.mark.parametrize("name", ["pids/above/own", "pids/above", "two"])
def test_a_limit_of_a_cgroup(host, name):
    """Of either version, also of one above."""
    host(name, 30, 20)
    assert host.look().endswith(f"{name} may have 30 processes and threads and has 20 (pids.max)")


@pytest.mark.parametrize(
    "error",
    [
        BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)),
        RuntimeError("can't start new thread"),
        ExceptionGroup("g", [RuntimeError("can't start new thread")]),
    ],
)
def test_a_process_or_a_thread_that_cannot_be_started(monkeypatch, error):
    """It is the host's if that leaves few; else a runtime that leaks is to blame."""
    monkeypatch.setattr(faults, "find_shortage", lambda: "few are left")
    assert faults.explain_host_fault(error) == "few are left"
    monkeypatch.setattr(faults, "find_shortage", lambda: "")
    assert faults.explain_host_fault(error) == ""


def test_another_runtime_error_needs_no_look(monkeypatch):
    """As most are no fault of the host."""
    monkeypatch.setattr(faults, "find_shortage", lambda: "few are left")
    assert faults.explain_host_fault(RuntimeError("no running event loop")) == ""
