"""A finding of a question whose prerequisite breaks on the same backend depends on that one."""

import pytest

from harness.api import forbidden, outcomes
from harness.compare import compare
from harness.model import Finding

from .run_builder import a_run, cell

WRONG = "wrong"
JUDGES = {"answer": outcomes({WRONG: forbidden("no reason to do so")})}


def results_of(prerequisites, **backends_by_scenario):
    records = [
        cell(backend, scenario=name, observed={"answer": WRONG if backend in broken else []})
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
