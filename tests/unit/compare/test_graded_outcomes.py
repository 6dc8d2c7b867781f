"""Values judged by a graded set."""

from harness.api import allowed, forbidden, interesting, outcomes, required
from harness.compare import compare
from harness.model import FindingKind, Outcome

from .run_builder import a_run, cell, findings_of, groups_of, only_finding, square_of, steps

JUDGES = {
    "delivery": outcomes(
        {
            "once": allowed("edge"),
            "twice": allowed("level"),
            "late": interesting("at the next checkpoint", "anyio docs"),
            "never": forbidden("it has to learn of it", "the contract"),
        }
    )
}
MUST = {"delivery": outcomes({"won": required("it can win", "docs"), "lost": allowed()})}


def run_of(judges=JUDGES, outcome=Outcome.COMPLETED, **seen):
    """Return a run with a cell for each backend that saw these words."""
    return a_run(
        *(cell(name, outcome, observed={"delivery": values.split()}) for name, values in seen.items()), judges=judges
    )


def test_allowed_differences_are_nothing():
    """Sets that differ in what is allowed are the same to a user."""
    assert findings_of(run_of(asyncio="once", trio="twice")) == []


def test_forbidden_is_a_violation_with_its_frequency():
    """One repetition in four is enough."""
    finding = only_finding(run_of(asyncio="once", trio="once once never once"))
    assert (finding.kind, finding.backends) == (FindingKind.VIOLATION, ("trio",))
    assert finding.title == "delivery: 'never' is forbidden"
    assert (finding.reason, finding.reference) == ("it has to learn of it", "the contract")
    assert groups_of(finding) == {"once": ("asyncio", "trio 3/4"), "never": ("trio 1/4",)}
    assert [group.grade for group in finding.groups if group.value == "never"] == ["forbidden"]


def test_forbidden_counts_in_a_cell_that_did_not_complete():
    """A fact is a fact, whatever came of the cell afterwards."""
    (violation,) = findings_of(run_of(outcome=Outcome.HUNG, trio="never"), FindingKind.VIOLATION)
    assert violation.backends == ("trio",)


def test_what_is_not_listed_is_forbidden():
    """All such values of a key are one finding."""
    finding = only_finding(run_of(asyncio="once", trio="odd odder"))
    assert finding.title == "delivery: an outcome that the contract does not list"
    assert finding.expected == "one of 'once', 'twice', 'late'"
    assert groups_of(finding) == {"once": ("asyncio",), "odd": ("trio 1/2",), "odder": ("trio 1/2",)}


def test_required_and_not_seen_is_a_violation():
    """The others saw it, so it can be seen."""
    finding = only_finding(run_of(MUST, asyncio="won lost", trio="lost lost"))
    assert (finding.kind, finding.backends) == (FindingKind.VIOLATION, ("trio",))
    assert (finding.title, finding.expected) == ("delivery: 'won' was not seen", "'won' at least once")


def test_required_of_a_key_that_nobody_reported():
    """A key that does not apply to the row is no violation."""
    assert findings_of(a_run(cell("asyncio"), cell("trio"), judges=MUST)) == []


def test_required_is_not_asked_of_a_cell_that_did_not_complete():
    """It may have come later."""
    run = a_run(
        cell("asyncio", observed={"delivery": "won"}),
        cell("trio", Outcome.HUNG, observed={"delivery": "lost"}),
        judges=MUST,
    )
    assert findings_of(run, FindingKind.VIOLATION) == []


def test_everybody_forbidden_is_a_doubt_in_the_scenario():
    """With two backends at least."""
    assert only_finding(run_of(asyncio="never", trio="never once")).kind is FindingKind.SUSPECT_SCENARIO


def test_interesting_if_not_everybody_shows_it():
    """It is about those who do, and few repetitions are said to be few."""
    finding = only_finding(run_of(asyncio="once once", trio="late once"))
    assert (finding.kind, finding.backends) == (FindingKind.INTERESTING, ("trio",))
    assert (finding.reason, finding.reference) == ("late: at the next checkpoint", "anyio docs")
    assert "only 2 times" in finding.details[0]


def test_enough_repetitions_raise_no_doubt():
    """Ten are enough to say nothing about chance."""
    assert only_finding(run_of(asyncio="once " * 10, trio="late " * 10)).details == ()


def test_interesting_that_everybody_shows_is_nothing():
    """There is no difference."""
    assert findings_of(run_of(asyncio="late", trio="late once")) == []


def test_a_bool_is_graded_by_its_text():
    """`true` is how a value is written everywhere."""
    judges = {"seen": outcomes({"true": allowed(), "false": forbidden()})}
    run = a_run(cell("trio", observed={"seen": True}), judges=judges)
    assert findings_of(run) == []


def test_frequencies_are_in_the_square():
    """Non-determinism is data."""
    assert square_of(run_of(trio="once late once"), "trio").frequencies == {"delivery": {"late": 1, "once": 2}}


def test_the_first_step_that_differs_is_named():
    """Of an actor, after what, on both backends."""
    judges = {"answer": outcomes({"kept": allowed(), "lost": forbidden("nothing may be lost")})}
    run = a_run(
        cell("asyncio", Outcome.COMPLETED, *steps(reader="waits wakes ends"), observed={"answer": "lost"}),
        cell("trio", Outcome.COMPLETED, *steps(reader="waits ends"), observed={"answer": "kept"}),
        judges=judges,
    )
    (finding,) = compare(run).findings
    assert finding.divergence == "reader, step 2, after 'waits': 'ends' on trio, 'wakes' on asyncio"
    assert finding.question == run.started.scenarios[0].question


def test_no_step_is_named_where_the_traces_are_alike():
    """The answer differs, what led to it does not."""
    judges = {"answer": outcomes({"kept": allowed(), "lost": forbidden("nothing may be lost")})}
    run = a_run(
        cell("asyncio", Outcome.COMPLETED, *steps(reader="waits"), observed={"answer": "lost"}),
        cell("trio", Outcome.COMPLETED, *steps(reader="waits"), observed={"answer": "kept"}),
        judges=judges,
    )
    (finding,) = compare(run).findings
    assert finding.divergence == ""
