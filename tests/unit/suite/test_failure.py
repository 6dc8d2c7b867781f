"""Failures as data that groups."""

import asyncio
import re
from types import ModuleType
from unittest import mock

import pytest

from harness.suite.failure import describe_failure, normalise


def failure_of(function, *args):
    """Return the description of what a function raises."""
    with pytest.raises(BaseException) as caught:
        function(*args)
    return describe_failure(caught.value, __file__)


def test_the_leaf_of_a_group_is_described():
    """A task group wraps what a test raised."""

    def fail():
        raise ExceptionGroup("outer", [ExceptionGroup("inner", [ValueError("fd 7\nmore")])])

    found = failure_of(fail)
    assert (found["type"], found["message"], found["normal"]) == ("ValueError", "fd 7", "fd N")


def test_the_innermost_frame_tells_where():
    """A failed assertion is in the test itself; an error of a library is in the library."""

    def fail():
        assert "a" == "b"  # noqa: PLR0133 - the failure under test

    assert failure_of(fail)["in_test"] is True
    found = failure_of(re.compile, "(")
    assert (found["in_test"], found["place"]) == (False, "re/_parser.py:_parse")


class Loop:
    """Without private attributes."""


@pytest.mark.parametrize(
    ("attribute", "is_about_internals"), [("_selector", True), ("no_such_method", False)], ids=["private", "public"]
)
def test_a_private_attribute_of_a_loop_is_internal(attribute, is_about_internals):
    """A public method that is missing is behaviour."""
    assert failure_of(getattr, Loop(), attribute)["internals"] is is_about_internals


def test_a_private_attribute_that_a_loop_misses_itself_is_a_defect_of_it():
    """Its own code looks for it; a test that looks for it in a part of the loop is about internals."""
    loop, server = ModuleType("fastloop"), ModuleType("fastloop.server")
    exec(compile("class Loop:\n    def stop(self): self._main\n", "fastloop.py", "exec"), vars(loop))
    exec("class Server: pass\n", vars(server))
    assert failure_of(loop.Loop().stop)["internals"] is False
    assert failure_of(getattr, server.Server(), "_attach")["internals"] is True


def test_a_failed_expectation_of_a_mock_is_internal():
    """It expects how something is done, not what is done."""
    assert failure_of(mock.Mock().assert_called_once)["internals"] is True


def test_messages_are_compared_without_numbers_and_paths():
    """These change from run to run."""
    left, right = "<socket fd=7 at 0x7f3a> /tmp/a-1/x", "<socket fd=9 at 0x55ee> /var/b"
    assert normalise(left) == normalise(right) == "<socket fd=N at N> PATH"


def test_an_interrupted_wait_is_no_mystery():
    """Exceptions that are no `Exception` are described as well."""

    def fail():
        raise asyncio.CancelledError

    assert failure_of(fail)["type"] == "CancelledError"
