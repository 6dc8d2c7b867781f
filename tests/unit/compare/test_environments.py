"""What is known of a backend is judged by the Python and the versions of the environment that each cell ran in."""

import pytest
from msgspec.structs import replace

from harness.api import bounded
from harness.compare import compare
from harness.model import BackendSpec, Expectation, FindingKind, Outcome, RoleBackend

from .run_builder import a_run, cell

OLD = Expectation(
    scenario="drain", backends=("asyncio",), key="lost", value="3", reason="known", when={"python": "<3.13"}
)


def running(place, python, lost, **versions):
    """Return a cell of asyncio in an environment that attests these versions."""
    record = cell("asyncio", observed={"lost": lost})
    spec = BackendSpec("asyncio", environment=place)
    (role,) = record.result.roles
    attestation = replace(role.attestation, python=python, versions=versions)
    the_cell = replace(record.cell, roles=(RoleBackend("main", spec),))
    result = replace(
        record.result, cell_id=the_cell.id, roles=(replace(role, backend=str(spec), attestation=attestation),)
    )
    return replace(record, cell=the_cell, result=result)


def judged(*cells, expectation=OLD, **environment):
    """Return the comparison; the host has another Python than the cells."""
    run = a_run(*cells, judges={"lost": bounded(at_most=0)})
    facts = {"python": "3.14.0", **environment}
    return compare(replace(run, started=replace(run.started, expectations=(expectation,), environment=facts)))


def kinds(comparison):
    """Return what was found, where, and whether it is known."""
    return sorted((finding.kind, finding.backends, finding.known) for finding in comparison.findings)


def test_an_expectation_holds_where_the_python_of_the_cell_is_in_it():
    """The same finding is known on the older Python and new on the other one."""
    found = kinds(judged(running("old", "3.11.7", 3), running("new", "3.13.0", 3)))
    assert found == [
        (FindingKind.VIOLATION, ("asyncio@new",), ""),
        (FindingKind.VIOLATION, ("asyncio@old",), "known"),
    ]


def test_where_it_does_not_hold_it_is_not_missed():
    """That it is gone on the newer Python is as expected; that it is gone on the older one is a finding."""
    assert kinds(judged(running("old", "3.11.7", 3), running("new", "3.13.0", 0))) == [
        (FindingKind.VIOLATION, ("asyncio@old",), "known")
    ]
    gone = kinds(judged(running("old", "3.11.7", 0), running("new", "3.13.0", 0)))
    assert gone == [(FindingKind.STALE_EXPECTATION, ("asyncio@old",), "")]


@pytest.mark.parametrize(
    ("pattern", "is_known"), [("asyncio", True), ("asyncio@old", True), ("*@old", True), ("asyncio@new", False)]
)
def test_patterns(pattern, is_known):
    """A backend is known by its name wherever it runs, or by its column."""
    expectation = replace(OLD, backends=(pattern,), sometimes=True)
    ((_, _, known),) = kinds(judged(running("old", "3.11.7", 3), expectation=expectation))
    assert bool(known) is is_known


def test_versions_of_a_distribution():
    """They are those of the cell's environment as well."""
    expectation = replace(OLD, when={"uvloop": "<0.20"})
    cells = running("old", "3.11.7", 3, uvloop="0.19.0"), running("new", "3.11.7", 3, uvloop="0.23.0")
    assert [known for *_, known in kinds(judged(*cells, expectation=expectation))] == ["", "known"]


def test_a_cell_that_attested_nothing():
    """What its environment said when the run was planned is what holds."""
    record = running("old", "3.11.7", 0)
    (role,) = record.result.roles
    role = replace(role, attestation=None, outcome=Outcome.CRASHED)
    result = replace(record.result, outcome=Outcome.CRASHED, roles=(role,))
    crash = replace(OLD, key="", value="crashed")
    said = {"old": {"python": "3.11.7", "versions": {}}}
    ((kind, _, known),) = kinds(judged(replace(record, result=result), expectation=crash, environments=said))
    assert (kind, known) == (FindingKind.CRASH, "known")


def test_an_executor_that_does_not_work_is_nobody_elses_fault():
    """Nor is a worker that cannot load what the host could: no backend is charged, and the run is incomplete."""
    plain = running("", "3.11.7", 0)
    result = replace(plain.result, outcome=Outcome.INVALID_ENV, reason="executor 'x' started no worker")
    for executor in ("x", "local"):
        comparison = judged(replace(plain, cell=replace(plain.cell, executor=executor), result=result))
        assert [found for found, *_ in kinds(comparison)] == [FindingKind.INVALID_ENV]
        assert comparison.incomplete == "1 of 1 cells could not run here (executor 'x' started no worker)"
        assert comparison.unexpected == ()


def test_an_environment_that_does_not_work_is_not_our_fault():
    """Nor that of a backend."""
    record = running("old", "3.11.7", 0)
    result = replace(record.result, outcome=Outcome.INVALID_ENV, reason="no worker starts")
    assert [kind for kind, *_ in kinds(judged(replace(record, result=result)))] == [FindingKind.INVALID_ENV]
