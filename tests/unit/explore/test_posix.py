"""A child hangs by the CPU time that it uses or by sleeping, never by time: a busy machine shows no hang."""

import signal

import pytest

from harness.explore import posix
from harness.explore.posix import Limits, Page, Usage, _Watch, run_in_child


@pytest.fixture
def looks(monkeypatch):
    """Return what looks at a child of a given usage, and the signals that it was sent."""
    sent, usage = [], [Usage(0.0, False)]
    monkeypatch.setattr(posix.os, "kill", lambda _pid, number: sent.append(number))
    monkeypatch.setattr(posix, "read_usage", lambda _pid: usage[0])
    page = Page()
    watch = _Watch(1, -1, page, Limits(cpu=3.0, sleeps=12), lambda _message: None, lambda: None)

    def look(count, cpu, *, sleeps, position=0):
        page.number = position
        for number in range(count):
            usage[0] = Usage(cpu(number), sleeps)
            watch._look()
        return sent

    return look


def test_a_child_that_waits_for_a_cpu_does_not_hang(looks):
    """For any time: it is ready to run, and runs not."""
    assert looks(10_000, lambda _number: 0.5, sleeps=False) == []


def test_a_child_that_computes_on_one_program_hangs(looks):
    """By its CPU time; it is asked for its stack first, and killed if it does not answer."""
    assert looks(30, lambda number: 0.1 * number, sleeps=False) == []
    assert looks(9, lambda number: 3.0 + number, sleeps=False) == [signal.SIGALRM, signal.SIGKILL]


def test_a_child_that_sleeps_on_one_program_hangs(looks):
    """After twelve looks; a new program begins at none."""
    assert looks(11, lambda _number: 0.0, sleeps=True) == []
    assert looks(11, lambda _number: 0.0, sleeps=True, position=1) == []
    assert looks(1, lambda _number: 0.0, sleeps=True, position=1) == [signal.SIGALRM]


def test_a_child_that_hangs_says_where(monkeypatch):
    """Its stack is the reason, behind a last message of its own."""
    monkeypatch.setattr(posix, "_LOOK", 0.01)
    received, attended = [], []

    def body(send, page):
        page.number = 7
        page.on_hang = lambda: send("last")
        signal.pause()

    ending = run_in_child(body, received.append, attend=lambda: attended.append(1), limits=Limits(sleeps=3))
    assert (ending.hung, ending.at, received) == (True, 7, ["last"])
    assert "signal.pause()" in ending.reason
    assert len(attended) >= 3
