"""A run whose budget did not suffice says what was left out."""

from __future__ import annotations

import msgspec
import pytest

from harness.compare import compare
from harness.model import Outcome

from .run_builder import a_run, cell

OVER = "stopped after the budget of 40 s"


def cut(backend, scenario, outcome=Outcome.NOT_RUN, number=1):
    record = cell(backend, observed={}, outcome=outcome)
    known = msgspec.structs.replace(record.cell, scenario=scenario, round=number)
    result = msgspec.structs.replace(record.result, cell_id=known.id, outcome=outcome)
    if outcome is not Outcome.COMPLETED:
        result = msgspec.structs.replace(result, reason=OVER)
    return msgspec.structs.replace(record, cell=known, result=result)


def incomplete(*records):
    return compare(a_run(*records)).incomplete


@pytest.mark.parametrize("outcome", [Outcome.NOT_RUN, Outcome.INTERRUPTED])
def test_families_that_were_left_out_in_part(outcome):
    done = cut("trio", "close.one", Outcome.COMPLETED)
    said = incomplete(done, cut("trio", "close.two", outcome))
    assert said == f"1 of 2 cells not run; {OVER}; each family was asked; cells left out: close (1)"


def test_a_family_that_was_not_asked():
    done = cut("trio", "close.one", Outcome.COMPLETED)
    said = incomplete(done, cut("trio", "lock.one"), cut("trio", "lock.two"))
    assert said == f"2 of 3 cells not run; {OVER}; not asked at all: lock; cells left out: lock (2)"


def test_further_rounds_for_which_there_was_no_time():
    """They are what the rest of the time was spent on: nothing of the request is missing."""
    assert incomplete(cut("trio", "close.one", Outcome.COMPLETED), cut("trio", "close.one", number=2)) == ""
