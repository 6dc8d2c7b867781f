"""Which errors are the host's: only what a look at the host shows again."""

import errno
import os

import pytest

from harness.host import faults


def error(number, filename=None):
    return OSError(number, os.strerror(number), filename)


def test_a_port_that_a_scenario_took_is_no_fault_of_the_host():
    """Two sockets meet over loopback, so the address that was in use was the scenario's own."""
    assert faults.find_network_fault() == ""
    assert faults.explain_host_fault(error(errno.EADDRINUSE)) == ""


@pytest.mark.parametrize("wrap", [lambda e: e, lambda e: ExceptionGroup("g", [ValueError(), e])])
def test_what_the_host_cannot_do_either_is_its_fault(monkeypatch, wrap):
    """Also as a leaf of a group."""
    monkeypatch.setattr(faults, "find_network_fault", lambda: "loopback is down")
    assert faults.explain_host_fault(wrap(error(errno.ENETUNREACH))) == "loopback is down"


def test_an_error_that_another_one_caused(monkeypatch):
    """The host's error is behind the one that was raised."""
    monkeypatch.setattr(faults, "find_network_fault", lambda: "no port")
    raised = RuntimeError("cannot connect")
    raised.__cause__ = error(errno.EADDRNOTAVAIL)
    assert faults.explain_host_fault(raised) == "no port"
    assert faults.explain_host_fault(RuntimeError("alone")) == ""


@pytest.mark.parametrize(("allowed", "is_fault"), [(64, True), (1024, False), (-1, False)])
def test_running_out_of_files_where_few_are_allowed(monkeypatch, allowed, is_fault):
    """With enough of them a runtime that leaks is to blame."""
    monkeypatch.setattr(faults, "_read_allowed_files", lambda: allowed)
    assert bool(faults.explain_host_fault(error(errno.EMFILE))) is is_fault


def test_a_disk_that_is_full_is_tried_again(monkeypatch):
    """What can be written was not full."""
    assert faults.explain_host_fault(error(errno.ENOSPC)) == ""

    def full(*_args, **_more):
        raise error(errno.ENOSPC)

    monkeypatch.setattr(faults.tempfile, "TemporaryFile", full)
    assert faults.explain_host_fault(error(errno.ENOSPC)).endswith("is full")


def test_what_keeps_the_runner_from_starting_a_cell():
    """No file, no process, no memory; anything else is our own fault."""
    assert faults.explain_runner_error(error(errno.EMFILE)) == "this host cannot run it: Too many open files"
    assert faults.explain_runner_error(error(errno.EACCES, "/x")) == "this host cannot run it: Permission denied: /x"
    assert "ulimit -v" in faults.explain_runner_error(MemoryError())
    assert faults.explain_runner_error(KeyError("x")) == ""
