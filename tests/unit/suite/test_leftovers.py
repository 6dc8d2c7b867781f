"""Resources that a test leaves."""

import socket
import threading
import warnings

import pytest

from harness.suite.leftovers import Leftovers


@pytest.fixture
def tasks():
    """Return the pending tasks."""
    return {1: "before"}


@pytest.fixture
def leftovers(tasks):
    """Return leftovers whose body has begun."""
    made = Leftovers(lambda: tasks)
    made.open()
    return made


def test_what_is_open_at_the_end_and_was_not_at_the_start_is_left(leftovers, tasks):
    """Descriptors by kind, threads and tasks by name."""
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="kept")
    thread.start()
    leftovers._patience = 0.0  # the thread will not end
    tasks[2] = "after"
    with socket.socket():
        left = leftovers.close()
    stop.set()
    thread.join()
    assert left[0] == "fd socket"
    assert left[1].startswith("thread kept: ")
    assert left[2:] == ("task after",)


def test_what_is_closed_is_not_left(leftovers):
    """Also where another descriptor took its number."""
    socket.socket().close()
    assert leftovers.close() == ()
    assert leftovers.close() == ()


def test_what_is_in_a_cycle_is_collected_with_its_warnings(leftovers):
    """They would come in whichever test runs when the cycle is found."""

    class Cycle:
        pass

    cycle = Cycle()
    cycle.own, cycle.socket = cycle, socket.socket()
    del cycle
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        assert leftovers.close() == ()
    assert caught == []
    (warning,) = leftovers.warnings
    assert warning.startswith("ResourceWarning: unclosed <socket.socket fd=")
