"""Whether an error is the host's is looked at in the worker, also where nothing is left to look with."""

import errno
import sys

from harness.host import faults
from harness.worker.role import _explain


def test_without_a_descriptor_left_the_error_stays_the_runtimes(monkeypatch):
    """A scenario may take every descriptor on purpose; the look at the host must not raise into it."""

    def look(_exc):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(faults, "explain_host_fault", look)
    assert _explain(OSError(errno.EMFILE, "Too many open files")) == ""


def test_only_an_error_of_the_system_is_looked_at(monkeypatch):
    """Any other error says nothing of the host."""
    monkeypatch.setattr(faults, "explain_host_fault", lambda exc: f"looked at {exc}")
    assert _explain(ValueError("no")) == ""
    assert _explain(OSError("no")) == "looked at no"


def test_a_look_that_cannot_be_imported_is_no_error(monkeypatch):
    """Its file could not be opened, or another thread is just importing it."""
    monkeypatch.delattr(faults, "explain_host_fault")
    assert _explain(OSError(errno.EMFILE, "Too many open files")) == ""
    monkeypatch.setitem(sys.modules, "harness.host.faults", None)
    assert _explain(OSError(errno.EMFILE, "Too many open files")) == ""
