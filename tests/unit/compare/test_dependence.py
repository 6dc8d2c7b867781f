"""A finding of a question whose prerequisite breaks on the same backend depends on that one."""

import pytest
from msgspec.structs import replace

from harness.api import Harm, forbidden, outcomes
from harness.compare import compare
from harness.model import Expectation, Finding

from .run_builder import a_run, cell

WRONG = "wrong"
LOST = "lost"
JUDGES = {
    "answer": outcomes(
        {WRONG: forbidden("no reason to do so", harm=Harm.ANSWER), LOST: forbidden("data", harm=Harm.DATA)}
    )
}


def results_of(prerequisites, answers=None, **backends_by_scenario):
    answer_of = dict.fromkeys(backends_by_scenario, WRONG) | (answers or {})
    records = [
        cell(backend, scenario=name, observed={"answer": answer_of[name] if backend in broken else []})
        for name, broken in backends_by_scenario.items()
        for backend in ("loop", "other", "third")
    ]
    return compare(a_run(*records, judges=JUDGES, headline="answer", prerequisites=prerequisites))


def dependence_of(findings: tuple[Finding, ...]):
    return {finding.row.scenario: [row.scenario for row in finding.depends_on] for finding in findings}


def test_findings_on_a_broken_prerequisite_are_dependent_and_one_root_cause():
    """The prerequisite is the cause; the others are listed below it, and what needs nothing of it stays apart."""
    results = results_of(
        {"lock": ("event",), "queue": ("event",)}, event="loop", lock="loop", queue="loop", sleep="loop"
    )
    assert dependence_of(results.findings) == {"event": [], "lock": ["event"], "queue": ["event"], "sleep": []}
    causes = {cause.rows[0].scenario: cause for cause in results.root_causes}
    assert set(causes) == {"event", "sleep"}
    assert sorted(row.scenario for row in causes["event"].dependent) == ["lock", "queue"]
    assert [row.scenario for row in causes["event"].rows] == ["event"]
    assert len(causes["event"].findings) == 3


def test_another_backend_on_which_the_prerequisite_holds_is_not_dependent():
    """A finding depends on a prerequisite that breaks on each of its backends."""
    results = results_of({"lock": ("event",)}, event="loop", lock="loop other")
    assert dependence_of(results.findings) == {"event": [], "lock": []}
    assert len(results.root_causes) == 2


def test_the_start_of_a_chain_of_prerequisites_is_the_cause():
    """What depends on a dependent question depends on its cause."""
    chain = {"server": ("stream",), "stream": ("event",)}
    (cause,) = results_of(chain, event="loop", stream="loop", server="loop").root_causes
    assert [row.scenario for row in cause.rows] == ["event"]
    assert len(cause.dependent) == 2


@pytest.mark.parametrize("circle", [{"a": ("b",), "b": ("a",)}, {"a": ("a",)}])
def test_prerequisites_in_a_circle_hide_no_cause(circle):
    """A plugin may declare them by mistake."""
    results = results_of(circle, a="loop", b="loop")
    assert sorted(row.scenario for cause in results.root_causes for row in cause.rows) == ["a", "b"]


def test_a_worse_harm_than_that_of_the_prerequisite_is_a_cause():
    """A wrong answer does not explain lost data."""
    results = results_of({"lock": ("event",)}, {"lock": LOST}, event="loop", lock="loop")
    assert [(cause.rows[0].scenario, cause.dependent) for cause in results.root_causes] == [("lock", ()), ("event", ())]


def test_what_a_prerequisite_shows_on_another_backend_explains_nothing():
    """Each finding is in a cause, and a cause explains findings of its own backends only."""
    answers = {"event": WRONG, "lock": LOST, "queue": WRONG}
    results = results_of({"lock": ("event",)}, answers, event="other third", lock="loop", queue="loop")
    assert {cause.rows[0].scenario for cause in results.root_causes} == {"event", "lock", "queue"}
    told = {place for cause in results.root_causes for place in cause.findings}
    assert told == {place for place, finding in enumerate(results.findings) if finding.unexpected}


def test_a_known_difference_of_a_prerequisite_is_no_reason():
    """It breaks nothing that is not expected; so does an expectation that is out of date."""
    prerequisites = {"lock": ("event",)}
    records = [cell("loop", scenario=name, observed={"answer": WRONG}) for name in ("event", "lock")]
    run = a_run(*records, judges=JUDGES, headline="answer", prerequisites=prerequisites)
    known = Expectation(scenario="event", backends=("loop",), key="answer", reason="listed")
    run = replace(run, started=replace(run.started, expectations=(known,)))
    assert dependence_of(compare(run).findings)["lock"] == []
