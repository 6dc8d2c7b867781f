"""Policy or semantics: what the possible answers of backends say of a row in which they differ."""

import pytest
from msgspec.structs import replace

from harness.api import allowed, outcomes
from harness.compare import compare
from harness.compare.policy import classify
from harness.model import Nature, PossibleAnswers

from .run_builder import a_run, cell


@pytest.mark.parametrize(
    ("answers", "nature"),
    [
        ({"a": {"x": 3}, "b": {"x": 200}}, Nature.SAME),
        ({"a": {"x": 3, "y": 1}, "b": {"x": 200}}, Nature.POLICY),
        ({"a": {"x": 3}, "b": {"y": 200}}, Nature.SEMANTIC),
        ({"a": {"x": 3, "y": 1}, "b": {"y": 1, "z": 1}, "c": {"x": 1, "z": 1}}, Nature.SEMANTIC),
        ({"a": {"x": 3}, "b": {}}, Nature.NOT_COMPARED),
        ({}, Nature.NOT_COMPARED),
    ],
)
def test_a_difference_is_policy_if_one_answer_is_possible_everywhere(answers, nature):
    """And semantic if no order makes the backends agree."""
    assert classify(answers) is nature


def _possible(label, row="drain", **counts):
    return PossibleAnswers(row=row, label=label, runtime="Python 3.11.7", orders=200, counts=counts)


@pytest.mark.parametrize(
    ("answers", "nature"),
    [
        ([_possible("trio", x=200), _possible("curio", y=200)], Nature.SEMANTIC),
        ([_possible("trio", x=200), _possible("curio", x=1, y=199)], Nature.POLICY),
        ([_possible("trio", x=200), _possible("uvloop", y=200)], None),
        ([_possible("trio", x=200), _possible("curio", row="drain[n=2]", y=200)], None),
        ([], None),
    ],
)
def test_a_row_has_the_nature_of_the_answers_of_its_own_backends(answers, nature):
    """Answers of another row, or of a backend that was not run, do not count."""
    records = (cell("trio", observed={"answer": "x"}), cell("curio", observed={"answer": "y"}))
    judges = {"answer": outcomes({"x": allowed(), "y": allowed()})}
    run = a_run(*records, judges=judges, headline="answer")
    (row,) = compare(replace(run, started=replace(run.started, answers=tuple(answers)))).rows
    assert row.nature is nature
