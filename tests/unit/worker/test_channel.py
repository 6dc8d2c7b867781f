"""The worker's end of its pipes."""

import os

import pytest

from harness.model import Observed
from harness.wire import RoleEnded, Shared, WorkerMessage, decode_line, encode_line
from harness.worker.channel import PROGRESS_BYTES, Pipe, map_progress


@pytest.fixture
def pipes():
    fds = [*os.pipe(), *os.pipe()]
    report, report_child, order_child, order = fds
    yield report, order, Pipe(report_child, order_child)
    for fd in fds:
        os.close(fd)


def test_a_message_is_one_line(pipes):
    """What is sent is on the pipe at once, as one line."""
    report, _, pipe = pipes
    message = Observed(role="main", key="k\n", value={"a": [1, None]}, at=0.5)
    pipe.send(message)
    line = os.read(report, 1000)
    assert line.count(b"\n") == 1
    assert decode_line(line, WorkerMessage) == message


def test_orders_arrive_in_pieces(pipes):
    """A line that arrives in two reads is one order; reading never waits."""
    _, order, pipe = pipes
    line = encode_line(Shared(key="address", value=["127.0.0.1", 1]))
    assert pipe.shared() == {}
    os.write(order, line[:10])
    assert pipe.shared() == {}
    os.write(order, line[10:] + encode_line(RoleEnded(role="server")))
    assert pipe.shared() == {"address": ["127.0.0.1", 1]}
    assert pipe.ended() == {"server"}


def test_a_value_that_json_lacks_becomes_its_text(pipes):
    """Recording never fails because of a value."""
    report, _, pipe = pipes
    pipe.send(Observed(role="main", key="k", value={1, 2}.__class__, at=0))
    assert decode_line(os.read(report, 1000), WorkerMessage).value == "<class 'set'>"


def test_the_progress_page_says_who_it_is_of(tmp_path):
    """Before anything else is known of a worker, its pid is; nothing is counted yet."""
    path = tmp_path / "page"
    path.write_bytes(bytes(PROGRESS_BYTES))
    page = map_progress(os.open(path, os.O_RDWR))
    assert list(page[:3]) == [0, os.getpid(), 0]
