"""Who inherits an expectation: variants of a backend, and backends derived from it."""

import pytest
from msgspec.structs import replace

from harness.api import allowed, forbidden, outcomes
from harness.compare import compare
from harness.compare.lineage import Lineage
from harness.model import BackendCard, Expectation, FindingKind

from .run_builder import a_run, cell, spec

ANSWERS = {"answer": outcomes({"kept": allowed("fine"), "lost": forbidden("nothing may be lost")})}
KNOWN = Expectation(scenario="drain", backends=("asyncio",), key="answer", value="lost", reason="listed")
LOOP = BackendCard(label="myloop", name="myloop", summary="", derives_from=("asyncio",))


def judged(*cells, expectations=(KNOWN,), cards=(), saboteurs=False):
    """Return the comparison of a run on these backends."""
    run = a_run(*cells, judges=ANSWERS)
    started = replace(
        run.started,
        expectations=expectations,
        backends=(*run.started.backends, *cards),
        request=replace(run.started.request, saboteurs=saboteurs),
    )
    return compare(replace(run, started=started))


def losing(backend, value="lost"):
    return cell(backend, observed={"answer": value})


def known_of(comparison):
    """Return why findings are known, by backend."""
    return {label: finding.known for finding in comparison.findings for label in finding.backends}


@pytest.mark.parametrize(
    ("pattern", "name", "is_below"),
    [
        ("asyncio", "asyncio:io=sock", True),
        ("asyncio", "asyncio:loop=rloop,io=sock", True),
        ("asyncio", "myloop", True),
        ("asyncio:io=sock", "asyncio:io=sock,timeout=wait_for", True),
        ("asyncio:io=sock", "myloop:io=sock", True),
        ("asyncio:io=s*", "asyncio:io=sock,timeout=wait_for", True),
        ("asyncio:io=sock", "asyncio", False),
        ("asyncio:io=sock", "asyncio:io=streams", False),
        ("asyncio", "trio", False),
        ("asyncio@py313", "asyncio:io=sock", False),
    ],
)
def test_variants_and_derived_backends_are_below(pattern, name, is_below):
    """More options than the pattern, or another name that is derived from it."""
    assert Lineage([LOOP]).includes([pattern], spec(name)) is is_below


def test_what_is_known_of_a_backend_is_known_of_its_variants():
    """In every column, with the same reason."""
    comparison = judged(losing("asyncio"), losing("asyncio:io=sock"), losing("myloop"), cards=(LOOP,))
    assert known_of(comparison) == {"asyncio": "listed", "asyncio:io=sock": "listed", "myloop": "listed"}
    assert comparison.unexpected == ()


def test_what_is_inherited_need_not_occur():
    """A loop that has mended a bug of asyncio is told nothing; asyncio itself would be."""
    assert judged(losing("asyncio"), losing("myloop", "kept"), cards=(LOOP,)).unexpected == ()
    (stale,) = judged(losing("asyncio", "kept"), losing("myloop", "kept"), cards=(LOOP,)).unexpected
    assert (stale.kind, stale.backends) == (FindingKind.STALE_EXPECTATION, ("asyncio",))


def test_an_expectation_says_who_does_not_inherit_it():
    """The variant that is excluded is charged, also where it has more options."""
    narrow = replace(KNOWN, excluding=("asyncio:io=sock",))
    cells = losing("trio", "lost"), losing("asyncio:io=sock,timeout=wait_for"), losing("asyncio:group=gather")
    assert known_of(judged(*cells, expectations=(narrow,))) == {
        "trio": "",
        "asyncio:io=sock,timeout=wait_for": "",
        "asyncio:group=gather": "listed",
    }


def test_what_the_baseline_does_as_well_is_no_finding_against_a_loop():
    """The baseline itself is charged; a backend of another family too."""
    cells = losing("asyncio"), losing("myloop"), losing("trio"), losing("curio", "kept")
    comparison = judged(*cells, expectations=(), cards=(LOOP,))
    assert known_of(comparison) == {"asyncio": "", "trio": "", "myloop": "asyncio does the same"}


def test_a_known_breach_of_one_backend_acquits_no_other():
    """All that ran break the contract, one of them as listed: the others are charged, and the scenario is not."""
    comparison = judged(losing("asyncio"), losing("trio"))
    assert [(f.kind, f.backends, bool(f.known)) for f in comparison.findings] == [
        (FindingKind.VIOLATION, ("asyncio",), True),
        (FindingKind.VIOLATION, ("trio",), False),
    ]
    assert "look at the scenario" not in str(comparison.findings)


def test_without_a_known_breach_the_scenario_is_suspect():
    """Nothing is listed, and every backend breaks it."""
    (finding,) = judged(losing("asyncio"), losing("trio"), expectations=()).findings
    assert finding.kind is FindingKind.SUSPECT_SCENARIO


def test_what_the_healthy_backend_does_too_is_no_sign_of_its_fault():
    """A saboteur that only shows a known bug of the backend that it breaks was missed."""
    saboteur = BackendCard(label="saboteur", name="saboteur", summary="", planted=True, derives_from=("asyncio",))
    comparison = judged(losing("asyncio"), losing("saboteur"), cards=(saboteur,), saboteurs=True)
    assert [finding.kind for finding in comparison.unexpected] == [FindingKind.MISSED]
