"""One observed value, message or exception cannot make a run unreadable."""

import os
import threading

import msgspec
import pytest

from harness.model.outcome import Observed
from harness.wire import MOST_DEPTH, MOST_ITEMS, MOST_LINE_BYTES, WorkerMessage, bound_value, decode_line
from harness.worker.channel import Pipe
from harness.worker.errors import describe_error


def nested(levels, kind):
    value = 1
    for _ in range(levels):
        value = [value] if kind is list else {"a": value}
    return value


@pytest.mark.parametrize("kind", [list, dict])
@pytest.mark.parametrize("levels", [0, 1, MOST_DEPTH, MOST_DEPTH + 1, 400, 100_000])
def test_depth(kind, levels):
    """What is deeper than the bound is cut, and the cut is named; what is not stays as it is."""
    value = nested(levels, kind)
    kept = bound_value(value)
    if levels <= MOST_DEPTH:
        assert kept == value
    else:
        assert f"nested more than {MOST_DEPTH} levels" in msgspec.json.encode(kept).decode()


@pytest.mark.parametrize(("size", "is_cut"), [(0, False), (MOST_ITEMS, False), (MOST_ITEMS + 1, True)])
def test_length(size, is_cut):
    """Of lists, objects and texts."""
    assert ("items)" in str(bound_value([1] * size)[-1:])) == is_cut
    assert ("…" in bound_value(dict.fromkeys(range(size)))) == is_cut
    assert bound_value("x" * size * 10).endswith("characters)") == is_cut


def test_a_message_over_the_limit_of_a_line():
    """An observation is replaced by its size; the cell goes on."""
    up, report = os.pipe()
    order, _down = os.pipe()
    pipe = Pipe(report, order)
    received = []
    reader = threading.Thread(target=lambda: received.append(os.read(up, 65536)))
    reader.start()
    pipe.send(Observed(role="main", key="k", value=["x" * 900_000] * 20, at=0.0))
    reader.join()
    message = decode_line(received[0], WorkerMessage)
    assert (message.key, "bytes of a" in message.value or "of a message" in message.value) == ("k", True)
    assert len(received[0]) < MOST_LINE_BYTES


def test_a_group_of_100_000_errors():
    """Its traceback has as many as people read, and the rest is counted."""
    report = describe_error(ExceptionGroup("many", [ValueError(str(number)) for number in range(100_000)]))
    assert len(report.leaves) == 20
    assert "and 99,980 more exceptions" in report.traceback
    assert len(report.traceback) < 50_000


def test_an_error_with_a_text_of_20_mb():
    """It is cut, and its length is named."""
    report = describe_error(ValueError("x" * 20_000_000))
    assert report.message.endswith("(cut: 20,000,000 characters)")
    assert len(report.message) + len(report.traceback) < 50_000
