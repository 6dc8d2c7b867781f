"""Values that must be the same everywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import exact
from harness.compare.values import value_text
from harness.model import FindingKind, Outcome

from .run_builder import a_run, cell, findings_of, groups_of, only_finding

SAME = {"end": exact(reason="documented", reference="docs")}
CONTRACT = {"end": exact("all", reason="documented", reference="docs")}


def run_of(judges, **ends):
    """Return a run with a round for each value of each backend."""
    cells = [
        cell(backend, observed={"end": value}, round=number)
        for backend, values in ends.items()
        for number, value in enumerate(values if isinstance(values, list) else [values], 1)
    ]
    return a_run(*cells, judges=judges)


def test_agreement_is_no_finding():
    """All the same is nothing to tell, and 1 is 1.0."""
    assert findings_of(run_of(SAME, asyncio=1, trio=1.0)) == []


def test_a_minority_is_named():
    """Who differs from more than half is who it is about; everybody's value is shown."""
    finding = only_finding(run_of(SAME, asyncio="all", uvloop="all", trio="one"))
    assert (finding.kind, finding.backends, finding.title) == (FindingKind.DIVERGENCE, ("trio",), "end differs")
    assert (finding.reason, finding.reference) == ("documented", "docs")
    assert groups_of(finding) == {"all": ("asyncio", "uvloop"), "one": ("trio",)}
    assert finding.command == "harness run --backend trio --scenario drain"


@pytest.mark.parametrize(
    "ends",
    [
        {"asyncio": 1, "trio": 2},
        {"asyncio": 1, "uvloop": 1, "trio": 2, "curio": 2},
        {"asyncio": 1, "uvloop": 1, "trio": 2, "curio": 3},
    ],
)
def test_without_a_majority_nobody_is_blamed(ends):
    """Half of the backends is no majority: all are named."""
    assert only_finding(run_of(SAME, **ends)).backends == tuple(ends)


def test_the_contract_decides_not_the_majority():
    """With an expected value, who has another is wrong, also if they are most."""
    finding = only_finding(run_of(CONTRACT, asyncio="one", uvloop="one", trio="all"))
    assert (finding.kind, finding.backends) == (FindingKind.VIOLATION, ("asyncio", "uvloop"))
    assert (finding.title, finding.expected) == ("end is not all", "all")


def test_a_violation_has_its_frequency():
    """A backend that breaks the contract in one of three rounds is named with the share, and that round is shown."""
    finding = only_finding(run_of(CONTRACT, asyncio="all", trio=["all", "one", "all"]))
    assert groups_of(finding) == {"all": ("asyncio", "trio 2/3"), "one": ("trio 1/3",)}
    assert finding.command.endswith("--rounds 2")


def test_everybody_wrong_is_a_doubt_in_the_scenario():
    """Two backends that break the same contract accuse the scenario first."""
    assert only_finding(run_of(CONTRACT, asyncio="one", trio="two")).kind is FindingKind.SUSPECT_SCENARIO


def test_one_backend_alone_accuses_nobody_else():
    """With one backend, or only variants of it, a broken contract stays a violation."""
    assert only_finding(run_of(CONTRACT, trio="one")).kind is FindingKind.VIOLATION
    own, variant = findings_of(run_of(CONTRACT, **{"trio": "one", "trio:a=b": "one"}))
    assert (own.kind, own.backends, own.unexpected) == (FindingKind.VIOLATION, ("trio",), True)
    assert (variant.kind, variant.known) == (FindingKind.VIOLATION, "trio does the same")


def test_a_backend_that_varies_is_its_own_finding():
    """It does not take part in the comparison of the others."""
    varying, differing = findings_of(run_of(SAME, asyncio=[1, 2], trio=[1, 1], curio=[3, 3]))
    assert (varying.title, varying.backends) == ("end varies on one backend", ("asyncio",))
    assert groups_of(varying) == {"1": ("asyncio 1/2",), "2": ("asyncio 1/2",)}
    assert (differing.title, differing.backends) == ("end differs", ("trio", "curio"))


def test_all_varying_is_a_doubt_in_the_scenario():
    """What no backend does twice cannot be exact."""
    assert only_finding(run_of(SAME, asyncio=[1, 2], trio=[3, 4])).kind is FindingKind.SUSPECT_SCENARIO


def test_what_did_not_complete_is_not_compared():
    """Half a cell's value may be half a value."""
    run = a_run(
        cell("asyncio", observed={"end": 1}),
        cell("trio", Outcome.RAISED, observed={"end": 2}, reason="ValueError: no"),
        judges=SAME,
    )
    assert findings_of(run, FindingKind.DIVERGENCE) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("all", "all"),
        (1, "1"),
        (1.0, "1"),
        (1e300, "1e+300"),
        ("1", '"1"'),
        (True, "true"),
        ("true", '"true"'),
        (None, "null"),
        ("", '""'),
        (" a", '" a"'),
        ({"b": 1.0, "a": [2]}, '{"a": [2], "b": 1}'),
    ],
)
def test_value_text(value, text):
    """A string stands for itself unless it reads like something else."""
    assert value_text(value) == text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, JSON)
def test_texts_are_equal_exactly_if_values_are(one, other):
    """Different values never read alike, or a divergence would be lost."""
    if value_text(one) == value_text(other):
        assert one == other
    if repr(one) == repr(other):
        assert value_text(one) == value_text(other)
