"""The search for the smallest number that is bad."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli.bisect import find_smallest, parse_range
from harness.model import UsageError


@given(st.integers(1, 50), st.integers(0, 5000), st.integers(1, 6000))
def test_the_smallest_bad_number_is_found(low, length, threshold):
    """Whatever the range, and each number is asked about once, few in all."""
    high, asked = low + length, []

    def is_bad(number):
        asked.append(number)
        return number >= threshold

    wanted = max(low, threshold) if threshold <= high else None
    assert find_smallest(is_bad, low, high) == wanted
    assert len(asked) == len(set(asked)) <= 2 * length.bit_length() + 2
    assert all(low <= number <= high for number in asked)


def test_a_range():
    """Name and both ends."""
    assert parse_range("connections=1..5000") == ("connections", 1, 5000)


@pytest.mark.parametrize("text", ["", "n", "n=5", "n=a..b", "n=9..1", "=1..2", "n=1...", "n=-1..2"])
def test_what_is_no_range(text):
    """Is refused with what it should be."""
    with pytest.raises(UsageError, match=r"NAME=FROM\.\.TO"):
        parse_range(text)
