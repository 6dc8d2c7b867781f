"""Exceptions as data."""

import pytest

from harness.model import Unhandled
from harness.worker.errors import UnhandledCollector, describe_ending, describe_error


class Sink:
    def __init__(self):
        self.sent = []

    def send(self, message):
        self.sent.append(message)


def test_a_group_shows_its_leaves():
    """Leaves of nested groups come in order, with their types."""
    group = ExceptionGroup("g", [KeyError("a"), ExceptionGroup("h", [OSError(5, "b")])])
    report = describe_error(group)
    assert (report.type, report.leaves) == ("ExceptionGroup", ("KeyError: 'a'", "OSError: [Errno 5] b"))


def test_an_exception_that_cannot_be_printed():
    """Its own __str__ may raise."""

    class Broken(Exception):
        def __str__(self):
            raise RuntimeError

    assert describe_error(Broken()).message == "<str() of it raised RuntimeError>"


def test_a_long_traceback_is_cut_in_the_middle():
    """Both ends are kept."""
    report = describe_error(ValueError("x" * 100_000))
    assert len(report.traceback) < 21_000
    assert report.traceback.startswith("ValueError")


def test_the_same_exception_is_reported_once():
    """It may come from the runtime and from the interpreter's hook."""
    sink, exc = Sink(), ValueError("lost")
    collect = UnhandledCollector(sink)
    collect(exc, "first")
    collect(exc, "second")
    collect(None, "only a message")
    assert [message.unhandled.context for message in sink.sent] == ["first", "only a message"]
    assert isinstance(sink.sent[0].unhandled, Unhandled)


@pytest.mark.parametrize(
    ("exc", "ending"),
    [
        (None, "returns"),
        (SystemExit(3), "exits 3"),
        (KeyboardInterrupt(), "raises KeyboardInterrupt"),
        (
            ExceptionGroup("g", [ValueError("v"), ExceptionGroup("h", [KeyError()])]),
            "raises ExceptionGroup(KeyError, ValueError)",
        ),
    ],
    ids=["none", "exit", "interrupt", "group"],
)
def test_an_ending_is_named_by_what_left_the_runtime(exc, ending):
    """Without messages, so that endings of different runtimes can be compared."""
    assert describe_ending(exc) == ending
