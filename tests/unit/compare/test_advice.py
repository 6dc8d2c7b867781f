"""Advice on a backend: no-go's first, nothing ranked that was not measured."""

import pytest
from msgspec.structs import replace

from harness.api import Harm, Outcomes, forbidden, metric, outcomes
from harness.compare import compare
from harness.compare.advice import NO_GO, advise, is_about
from harness.model import Expectation, matches_glob
from harness.plugins import Plugins

from .run_builder import a_run, cell, spec

TOPICS = {"deadline.read": ("timeouts",)}


@pytest.mark.parametrize(
    ("scenario", "use", "about"),
    [
        ("stream.close", "streams", True),
        ("stream", "streams", True),
        ("deadline.read", "timeouts", True),
        ("deadline.read", "time-outs", True),
        ("deadline.read", "streams", False),
        ("timeout-select", "timeout-select", True),
    ],
)
def test_features_are_areas_names_and_declared_words(scenario, use, about):
    """In the words of a user: plural or not, with hyphens or without."""
    assert is_about(scenario, use, TOPICS) is about


def known_harms():
    """Yield what is listed of the built-in scenarios and costs a program its data or its progress.

    By expectation: its scenario, the columns that it names, the key and the value that is seen there.
    """
    catalogue = Plugins().catalogue()
    for expectation in catalogue.expectations:
        scenario = catalogue.scenarios.get(expectation.scenario)
        judge = scenario.judges.get(expectation.key) if scenario else None
        if not isinstance(judge, Outcomes) or not expectation.value or judge.breaks(expectation.value) is None:
            continue
        if judge.harm_of(expectation.value) in (Harm.DATA, Harm.HANG):
            yield scenario, expectation


def test_every_known_hang_and_loss_is_named():
    """Compared with the list of expectations by machine: a run that shows each of them has a no-go for each."""
    seen = list(known_harms())
    assert len(seen) > 10
    missing = []
    for scenario, expectation in seen:
        labels = [label for label in expectation.backends if "*" not in label]
        bases = {label.partition(":")[0] for label in labels}
        records = [
            cell(
                label,
                observed={expectation.key: expectation.value},
                scenario=scenario.name,
                parameters=expectation.parameters,
            )
            for label in labels
        ]
        records += [
            cell(base, scenario=scenario.name, parameters=expectation.parameters) for base in bases - set(labels)
        ]
        run = a_run(*records, judges=scenario.judges, headline=scenario.headline)
        variants = tuple(spec(label) for label in labels if ":" in label)
        plan = replace(
            run.started.plan, backends=tuple(spec(card.label) for card in run.started.backends), variants=variants
        )
        run = replace(run, started=replace(run.started, plan=plan, expectations=(replace(expectation, when={}),)))
        area = scenario.name.partition(".")[0]
        found = {
            (behaviour.label, behaviour.harm)
            for backend in advise(run, compare(run), (area,)).backends
            for behaviour in backend.no_gos
        }
        harm = scenario.judges[expectation.key].harm_of(expectation.value)
        missing += [(scenario.name, label) for label in labels if (label, harm) not in found]
    assert missing == []


def test_what_is_listed_is_named_where_a_run_does_not_show_it():
    """Every hang and loss of data in the list, by backend, from a run that shows none of them."""
    catalogue = Plugins().catalogue()
    listed = tuple(replace(each, when={}) for each in catalogue.expectations)
    wanted = {
        (name, label, each.value or each.key)
        for each in listed
        for name, scenario in catalogue.scenarios.items()
        if matches_glob(name, each.scenario) and each.key in scenario.judges
        if scenario.judges[each.key].harm_of(each.value) in (Harm.DATA, Harm.HANG)
        for label in each.backends
        if "*" not in label
    }
    assert len(wanted) > 20
    bases = ("asyncio", "uvloop", "trio", "curio", "threads")
    run = a_run(*(cell(base) for base in bases))
    uses = {name.partition(".")[0] for name in catalogue.scenarios}
    advice = advise(run, compare(run), sorted(uses), catalogue.scenarios, listed)
    unseen = [each for backend in advice.backends for each in backend.no_gos if not each.is_seen]
    assert wanted <= {(name, each.label, each.text) for each in unseen for name in each.row.split(", ")}
    assert all(each.known for each in unseen)


def test_a_listed_harm_holds_for_its_versions_and_its_feature():
    """And is named once, also where the run shows it."""
    judges = {"answer": outcomes({"lost": forbidden("no", harm=Harm.DATA)})}
    loss = Expectation(scenario="drain", backends=("trio",), key="answer", value="lost", reason="so")
    run = a_run(cell("trio"), judges=judges, headline="answer")

    def named(run, expectation, use="drain"):
        advice = advise(run, compare(run), (use,), {}, (expectation,))
        return [(each.text, each.known, each.is_seen) for each in advice.backends[0].no_gos]

    assert named(run, replace(loss, when={"trio": "<1"})) == [("lost", "so", False)]
    assert named(run, replace(loss, when={"trio": ">=1"})) == []
    assert named(run, loss, "stream") == []
    shown = a_run(cell("trio", observed={"answer": "lost"}), judges=judges, headline="answer")
    shown = replace(shown, started=replace(shown.started, expectations=(loss,)))
    assert named(shown, loss) == [("lost", "so", True)]
    card = replace(shown.started.scenarios[0], judges={"answer": outcomes({"lost": forbidden("no")})})
    older = replace(shown, started=replace(shown.started, scenarios=(card,)))
    subjects = {"drain": shown.started.scenarios[0]}
    (trio,) = advise(older, compare(older), ("drain",), subjects, (loss,)).backends
    assert [(each.harm, each.is_seen) for each in trio.no_gos] == [(Harm.DATA, True)]
    assert trio.differences == ()


def test_a_figure_without_an_interval_ranks_nothing():
    """It is shown; a verdict needs rounds."""
    judges = {"took": metric("ns")}

    def figures(rounds):
        records = [
            cell(name, observed={"took": took + number}, round=number)
            for name, took in (("asyncio", 100), ("trio", 200))
            for number in range(1, rounds + 1)
        ]
        run = a_run(*records, judges=judges, headline="took")
        _, trio = advise(run, compare(run), ("drain",)).backends
        return trio.figures[0]

    assert (figures(1).low, figures(1).verdict) == (None, None)
    assert figures(8).low is not None
    assert figures(8).verdict == "slower"


def test_headroom_is_the_largest_rate_that_was_measured():
    """Not one at which the figure was withheld."""
    records = [
        cell("trio", observed={"took": 5} if rate < 1000 else {}, parameters={"rate": rate})
        for rate in (200, 500, 1000)
    ]
    run = a_run(*records, judges={"took": metric("ns")}, headline="took")
    (trio,) = advise(run, compare(run), ("drain", "magic")).backends
    assert trio.headroom == 500
    assert advise(run, compare(run), ("drain", "magic")).unknown == ("magic",)
    assert set(NO_GO) > {Harm.DATA, Harm.HANG}
