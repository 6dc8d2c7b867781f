"""Numbers as people read them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_reports.figures import format_factor, format_figure, is_of_time


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (658, "ns", "658 ns"),
        (1341, "ns", "1.34 µs"),
        (999.96, "µs", "1.00 ms"),
        (870_000, "ns", "870 µs"),
        (2.5, "s", "2.50 s"),
        (90, "s", "90.0 s"),
        (0.0004, "s", "400 µs"),
        (0, "ns", "0 ns"),
        (0.25, "ns", "0.250 ns"),
        (-1500, "ns", "-1.50 µs"),
        (1234.5, "1/s", "1.23k/s"),
        (12, "1/s", "12/s"),
        (45_678, "items/s", "45.7k items/s"),
        (3_000_000, "", "3.00M"),
        (400, "", "400"),
        (3.14159, "", "3.14"),
        (1536, "B", "1.50 KiB"),
        (2048, "MiB/s", "2.00 GiB/s"),
        (12, "bytes", "12 B"),
        (math.inf, "ns", "inf ns"),
        (5e-324, "ns", "4.94e-324 ns"),
        (5e-324, "s", "4.94e-315 ns"),
        (5e-324, "", "4.94e-324"),
        (1e308, "s", "1e+308 s"),
    ],
)
def test_format_figure(value, unit, text):
    """Three digits, in the unit that suits."""
    assert format_figure(value, unit) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0.65, "×0.65"),
        (1, "×1.00"),
        (12.3, "×12.3"),
        (9.999, "×10.0"),
        (1e4, "×10000"),
        (0.0123, "×0.012"),
        (0, "×0.00"),
    ],
)
def test_format_factor(ratio, text):
    """With no more digits than it is worth, and never nought for something that is there."""
    assert format_factor(ratio) == text.replace("×", "\N{MULTIPLICATION SIGN}")
    assert format_factor(ratio, "") == text[1:]


@pytest.mark.parametrize(
    ("unit", "expected"), [("ns", True), ("1/s", True), ("MiB/s", True), ("B", False), ("", False)]
)
def test_what_can_be_fast(unit, expected):
    """A time, or something per time."""
    assert is_of_time(unit) is expected


@given(st.floats(1e-9, 1e11), st.sampled_from(["ns", "µs", "ms", "s", "B", "1/s", "", "things"]))
def test_a_figure_is_short_and_never_needs_an_exponent(value, unit):
    """Whatever the size, it fits a column."""
    text = format_figure(value, unit)
    assert len(text.removesuffix("things")) <= 14
    assert "e+" not in text
