"""What changed from one run to another."""

import msgspec
import pytest

from harness.api import allowed, bounded, metric, outcomes
from harness.compare import compare, compare_runs
from harness.compare.transitions import Change
from harness.model import BackendSpec, FindingKind, Outcome, RoleBackend, SpeedVerdict

from .run_builder import a_run, cell

JUDGES = {
    "took": metric("ns"),
    "rate": metric("1/s", better="higher"),
    "lost": bounded(at_most=0),
    "end": outcomes({"edge": allowed(), "level": allowed()}),
}
HERE = {"system": "Linux", "cpu": "EPYC", "cores": 2, "python": "3.11.7", "versions": {"trio": "0.34"}}


def side(*records, environment=HERE, headline="took", **request):
    run = a_run(*records, judges=JUDGES, headline=headline, environment=environment)
    started = msgspec.structs.replace(run.started, request=msgspec.structs.replace(run.started.request, **request))
    run = msgspec.structs.replace(run, started=started)
    return run, compare(run)


def rounds(backend, values, key="took", **more):
    return [cell(backend, observed={key: value}, round=number, **more) for number, value in enumerate(values, start=1)]


def changes_of(before, after, **options):
    return compare_runs(before, after, **options)


def outcome_change(was, now):
    """Return how a square changed; nothing is a run without it."""
    records = [(cell("asyncio"), *([] if outcome is None else [cell("trio", outcome)])) for outcome in (was, now)]
    changes = changes_of(*(side(*several) for several in records))
    found = [change.change for change in changes.outcomes if change.label == "trio"]
    return (found or [None])[0], changes.is_regression


@pytest.mark.parametrize(
    ("was", "now", "change"),
    [
        (Outcome.COMPLETED, Outcome.HUNG, Change.REGRESSED),
        (Outcome.HUNG, Outcome.COMPLETED, Change.FIXED),
        (Outcome.COMPLETED, Outcome.COMPLETED, Change.UNCHANGED),
        (Outcome.HUNG, Outcome.CRASHED, Change.CHANGED),
        (Outcome.UNAVAILABLE, Outcome.COMPLETED, Change.NEW),
        (Outcome.COMPLETED, Outcome.UNAVAILABLE, Change.GONE),
        (Outcome.UNSUPPORTED, Outcome.NOT_RUN, Change.UNCHANGED),
        (None, Outcome.COMPLETED, Change.NEW),
        (Outcome.COMPLETED, None, Change.GONE),
    ],
)
def test_transitions_of_outcomes(was, now, change):
    """What was not run is new or gone, never better or worse."""
    assert outcome_change(was, now)[0] is change


def test_a_hang_that_was_not_there_is_a_regression():
    """As an outcome and as a finding; one that is gone is a fix, and one that stays is neither."""
    fine, hung = side(cell("trio")), side(cell("trio", Outcome.HUNG, reason="idle"))
    worse = changes_of(fine, hung)
    assert [(f.change, f.kind) for f in worse.findings] == [(Change.REGRESSED, FindingKind.HANG)]
    assert worse.is_regression
    assert [f.change for f in changes_of(hung, fine).findings] == [Change.FIXED]
    assert [f.change for f in changes_of(hung, hung).findings] == [Change.UNCHANGED]
    assert not changes_of(hung, fine).is_regression
    assert not changes_of(hung, hung).is_regression


def test_findings_are_compared_by_backend():
    """That another backend does it too is a change of its own."""
    before = side(cell("asyncio", observed={"lost": 0}), cell("trio", observed={"lost": 1}), cell("curio"))
    after = side(
        cell("asyncio", observed={"lost": 1}), cell("trio", observed={"lost": 1}), cell("curio", observed={"lost": 0})
    )
    found = {(f.label, f.change) for f in changes_of(before, after).findings if f.kind is FindingKind.VIOLATION}
    assert found == {("trio", Change.UNCHANGED), ("asyncio", Change.REGRESSED)}


def test_a_finding_of_what_was_not_run_before_is_new():
    """Nobody knows whether it is worse."""
    fine = cell("asyncio", observed={"lost": 0})
    before, after = side(fine), side(fine, cell("trio", observed={"lost": 1}))
    changes = changes_of(before, after)
    assert [f.change for f in changes.findings] == [Change.NEW]
    assert not changes.is_regression
    assert [f.change for f in changes_of(after, before).findings] == [Change.GONE]


def test_answers_that_changed():
    """What a graded key was seen to be is compared as a set, also where nobody minds."""
    before, after = (side(cell("trio", observed={"end": seen})) for seen in (["edge", "edge"], ["edge", "level"]))
    (answer,) = changes_of(before, after).answers
    assert (answer.key, answer.before, answer.after) == ("end", ("edge",), ("edge", "level"))
    assert changes_of(before, before).answers == ()


def test_conditions_are_named():
    """Versions too, as the workers attested them, and what was asked for."""
    there = HERE | {"python": "3.12.1", "cpu": "Xeon", "versions": {"uvloop": "0.21"}}
    changes = changes_of(side(cell("trio")), side(cell("trio"), environment=there, seed=3))
    found = {change.name: (change.before, change.after) for change in changes.conditions}
    assert found == {
        "cpu": ("EPYC", "Xeon"),
        "python": ("3.11.7", "3.12.1"),
        "uvloop": ("–", "0.21"),
        "--seed": ("0", "3"),
    }
    assert changes_of(side(cell("trio")), side(cell("trio"))).conditions == ()


def in_environment(python, version):
    """Return the facts of a run that uses an environment beside this one."""
    return HERE | {"environments": {"old": {"python": python, "versions": {"trio": version}}}}


def test_other_environments_are_conditions():
    """Each by its name; what a worker attested there is not taken for a version of this one."""
    record = cell("trio")
    there = BackendSpec("trio", environment="old")
    elsewhere = msgspec.structs.replace(record.cell, roles=(RoleBackend("main", there),))
    records = (record, msgspec.structs.replace(record, cell=elsewhere))
    before = side(record, environment=in_environment("3.12.1", "0.29"))
    changes = changes_of(before, side(record, environment=in_environment("3.13.0", "0.30")))
    found = {change.name: (change.before, change.after) for change in changes.conditions}
    assert found == {"python@old": ("3.12.1", "3.13.0"), "trio@old": ("0.29", "0.30")}
    changes = changes_of(side(record), side(*records))
    found = {change.name: (change.before, change.after) for change in changes.conditions}
    assert found == {"trio@old": ("–", "0.35.0")}


def figure_of(before, after, **options):
    (figure,) = [figure for figure in changes_of(before, after, **options).figures if figure.is_headline]
    return figure


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(1.0, SpeedVerdict.EQUIVALENT), (1.2, SpeedVerdict.SLOWER), (0.8, SpeedVerdict.FASTER), (1.035, None)],
)
def test_figures_are_compared_by_their_intervals(factor, verdict):
    """A figure that is slower is a regression, one that may be is not."""
    values = [100.0, 100.2, 99.8, 100.1, 99.9, 100.0, 100.3]
    changes = changes_of(side(*rounds("trio", values)), side(*rounds("trio", [value * factor for value in values])))
    (figure,) = changes.figures
    assert figure.ratio == pytest.approx(factor)
    assert figure.low <= figure.ratio <= figure.high
    assert figure.verdict is (verdict or SpeedVerdict.SLIGHTLY_SLOWER)
    assert changes.is_regression == (verdict is SpeedVerdict.SLOWER)


def test_fewer_than_seven_rounds_of_either_have_no_verdict():
    """The ratio is shown."""
    few, enough = rounds("trio", [100.0] * 6), rounds("trio", [300.0] * 20)
    figure = figure_of(side(*few), side(*enough))
    assert (figure.ratio, figure.verdict, figure.low) == (pytest.approx(3), None, None)
    assert (figure.rounds_before, figure.rounds_after) == (6, 20)


def test_higher_may_be_better():
    """Half as many per second is slower."""
    before, after = (side(*rounds("trio", [value] * 7, "rate"), headline="rate") for value in (100.0, 50.0))
    assert figure_of(before, after).verdict is SpeedVerdict.SLOWER


def test_a_wider_margin():
    """For a gate that is not to cry at every tenth."""
    before, after = (side(*rounds("trio", [value] * 7)) for value in (100.0, 108.0))
    assert figure_of(before, after).verdict is SpeedVerdict.SLOWER
    assert figure_of(before, after, margin=0.1).verdict is SpeedVerdict.EQUIVALENT


@pytest.mark.parametrize(
    ("there", "request_", "why"),
    [
        (HERE | {"cpu": "Xeon"}, {}, "another machine: cpu EPYC and Xeon"),
        (HERE, {"perturb": ("one-cpu",)}, "perturbed differently: not and one-cpu"),
        (HERE, {"executor": "nice"}, "started differently: by executor local and nice"),
    ],
)
def test_speed_is_not_compared_across_conditions(there, request_, why):
    """Behaviour is; another machine may be asked for."""
    before = side(*rounds("trio", [100.0] * 7))
    after = side(*rounds("trio", [300.0] * 7), environment=there, **request_)
    changes = changes_of(before, after)
    assert (changes.obstacles, changes.figures, changes.is_regression) == ((why,), (), False)
    assert len(changes.outcomes) == 1
    assert bool(changes_of(before, after, across_machines=True).figures) == ("machine" in why)


def test_a_figure_of_zero_has_no_ratio():
    """A ratio to nothing means nothing; the figures are shown."""
    figure = figure_of(side(*rounds("trio", [0.0] * 7)), side(*rounds("trio", [1.0] * 7)))
    assert (figure.before, figure.after, figure.ratio, figure.verdict) == (0.0, 1.0, None, None)
