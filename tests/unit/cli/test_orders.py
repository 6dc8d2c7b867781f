"""Questions under many orders: which backends have to be asked, and what is printed of their answers."""

import pytest

from harness.cli.orders import Asker, orders
from harness.cli.state import State
from harness.journal import write_answers
from harness.model import PossibleAnswers

ROW = "lock.release-by-another-task"


@pytest.fixture
def asker(tmp_path):
    """Return an asker of one question, in an empty folder."""
    return Asker(State("never"), tmp_path, ("asyncio", "trio", "threads"), (ROW,))


def _store(asker, label, orders=200, runtime=None, **counts):
    runtime = runtime or asker._runtimes[label]
    each = PossibleAnswers(row=ROW, label=label, runtime=runtime, orders=orders, counts=counts)
    write_answers(asker._store.root, [each])


def test_only_a_runtime_without_answers_is_asked(asker):
    """A backend without schedules is never asked; another version, or fewer orders, count as no answer."""
    assert asker.rows == [ROW]
    assert asker.labels == ["asyncio", "trio"]
    assert asker.find_missing(200) == ["asyncio", "trio"]
    _store(asker, "asyncio", x=200)
    _store(asker, "trio", runtime="trio 0.1, Python 3.9.0", x=200)
    assert asker.find_missing(200) == ["trio"]
    _store(asker, "trio", orders=50, x=50)
    assert asker.find_missing(200) == ["trio"]
    assert asker.find_missing(50) == []


def test_a_question_without_an_answer_is_not_asked_again(asker):
    """That none can be had is an answer, too: the default matrix asks once."""
    for label in asker.labels:
        _store(asker, label)
    assert asker.find_missing(200) == []


def test_stored_answers_are_printed_with_their_nature(asker, tmp_path, capsys):
    """Without a run."""
    _store(asker, "asyncio", x=200)
    _store(asker, "trio", y=199, z=1)
    options = {"schedules": 200, "seed": 0, "jobs": 1, "again": False, "out": tmp_path}
    orders.callback.__wrapped__(State("never"), questions=(ROW,), backends=("asyncio", "trio"), **options)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split() == ["semantic", ROW]
    assert printed[1:3] == [
        "              asyncio: x (200 of 200)",
        "              trio: y (199 of 200); z (1 of 200)",
    ]
    assert printed[-1] == "1 semantic"
