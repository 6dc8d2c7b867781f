"""What holds more after each cycle is seen, and the healthy runtimes do not."""

from __future__ import annotations

import os
import sys

import pytest

from harness_saboteurs import sabotage
from harness_saboteurs.leaks import _ChannelKeepsMemory, _GroupKeepsATask, _StreamKeepsAnFd
from harness_scenarios.behaviours.leaks import LEAKS, cancel, channels, connections, count_fds, spawn
from harness_scenarios.parts.posix import read_resident_bytes

FEW = {"cycles": 50}
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says which fds are open")


def keep(part, kept):
    """Return what breaks the runtime of the role, and note what that leaves open."""

    def wrap(runtime):
        broken = sabotage(part)(runtime)
        broken.left_open = kept
        return broken

    return {"main": wrap}


@pytest.mark.parametrize("scenario", LEAKS, ids=lambda scenario: scenario.name)
def test_healthy(run_roles, backend, scenario):
    """Nothing is left on any backend."""
    report = run_roles(scenario, FEW, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    assert (report["cycles"], report["tasks left"], report.progress["main"]) == (50, 0, 100)


@linux
def test_an_fd_for_each_stream(run_roles):
    """Both ends of each connection keep one."""
    kept: list[int] = []
    report = run_roles(connections, FEW, wrap=keep(_StreamKeepsAnFd, kept))
    for fd in kept:
        os.close(fd)
    assert "fds left" in report.violations
    assert report["fds left"] == 100


@pytest.mark.parametrize("scenario", [spawn, cancel])
def test_a_task_for_each_group(run_roles, scenario):
    """It is counted while it lives."""
    report = run_roles(scenario, FEW, wrap=keep(_GroupKeepsATask, []))
    assert (report["tasks left"], "tasks left" in report.violations) == (50, True)


@linux
def test_memory_for_each_channel(run_roles):
    """16 KiB for each are 16 MiB for 1,000 cycles."""
    report = run_roles(channels, {"cycles": 300}, wrap=keep(_ChannelKeepsMemory, []))
    assert report.violations == {"memory growth"}
    assert report["memory growth"] > 8 * 1024


@linux
def test_what_is_counted():
    """An fd more, and the bytes of this process."""
    before = count_fds()
    left = os.open(os.devnull, os.O_RDONLY)
    assert count_fds() == before + 1
    os.close(left)
    assert read_resident_bytes() > 1 << 20
