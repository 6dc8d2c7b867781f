"""Possible answers beside the runs."""

import pytest

from harness.journal import read_answers, write_answers
from harness.model import PossibleAnswers, UsageError


def possible(runtime, **counts):
    """Return the answers of a runtime."""
    return PossibleAnswers(row="lock.re-entry", label="trio", runtime=runtime, orders=200, counts=counts)


def test_answers_are_kept_by_runtime(tmp_path):
    """New ones take the place of those of the same row and version."""
    old, other, new = possible("trio 0.31", x=200), possible("trio 0.30", y=200), possible("trio 0.31", x=150, y=50)
    assert read_answers(tmp_path) == ()
    write_answers(tmp_path, [old, other])
    write_answers(tmp_path, [new])
    assert read_answers(tmp_path) == (other, new)


def test_a_damaged_file_counts_as_none(tmp_path):
    """The questions are asked again."""
    write_answers(tmp_path, [possible("trio 0.31", x=200)]).write_text("[{")
    assert read_answers(tmp_path) == ()


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    """With the path."""
    with pytest.raises(UsageError, match=r"cannot write .*answers\.json: No such file"):
        write_answers(tmp_path / "gone", [])
