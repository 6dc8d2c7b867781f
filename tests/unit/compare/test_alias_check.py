"""The reference against itself: what it proves, and what follows where it does not."""

import msgspec
import pytest

from harness.api import bounded, exact, metric
from harness.compare import compare
from harness.model import FindingKind, Outcome, RowId, SelfCheck, SpeedVerdict

from .run_builder import a_run, cell, findings_of, only_finding

JUDGES = {"took": metric("ns"), "lost": bounded(at_most=0), "end": exact()}
ROUNDS = 8


def again(record):
    """Return the record of the same cell, run again in its round."""
    twin = msgspec.structs.replace(record.cell, alias=True)
    return msgspec.structs.replace(record, cell=twin, result=msgspec.structs.replace(record.result, cell_id=twin.id))


def row(size, twin=100, trio=50, rounds=ROUNDS):
    """Return the cells of a row in which asyncio takes 100, its twin this much, and trio so much."""
    for number in range(1, rounds + 1):
        place = {"round": number, "parameters": {"size": size}}
        yield cell("asyncio", observed={"took": 100}, **place)
        yield again(cell("asyncio", observed={"took": twin}, **place))
        yield cell("trio", observed={"took": trio}, **place)


def comparison_of(*rows):
    return compare(a_run(*(record for cells in rows for record in cells), judges=JUDGES, headline="took"))


def verdicts(comparison):
    return [square.ratio.verdict for line in comparison.rows for square in line.cells if square.ratio]


def test_identical_code_is_like_itself():
    """Each row says so, and verdicts stand."""
    comparison = comparison_of(row(1), row(2))
    check = comparison.self_check
    assert (check.reference, [dict(r.parameters)["size"] for r in check.checked]) == ("asyncio", [1, 2])
    assert (check.missed, check.failed) == ((), False)
    assert verdicts(comparison) == [SpeedVerdict.FASTER] * 2


def test_the_twin_has_no_column_of_its_own():
    """And its figures are nobody else's: the reference keeps its own."""
    comparison = comparison_of(row(1, twin=300))
    (line,) = comparison.rows
    assert comparison.labels == ("asyncio", "trio")
    assert line.cells[0].headline.values == (100,) * ROUNDS
    assert line.alias.ratio == pytest.approx(3)
    assert line.cells[0].outcomes == {Outcome.COMPLETED: 2 * ROUNDS}


def test_one_row_may_miss_by_chance():
    """It is named, and verdicts stand."""
    comparison = comparison_of(row(1, twin=110), row(2))
    assert [dict(r.parameters)["size"] for r in comparison.self_check.missed] == [1]
    assert not comparison.self_check.failed
    assert verdicts(comparison) == [SpeedVerdict.FASTER] * 2


def test_two_rows_that_miss_take_every_verdict_with_them():
    """Whoever calls identical code different twice may be wrong about the rest; ratios are still shown."""
    comparison = comparison_of(row(1, twin=110), row(2, twin=90), row(3))
    assert comparison.self_check.failed
    assert verdicts(comparison) == [SpeedVerdict.INCONCLUSIVE] * 3
    assert [line.cells[1].ratio.ratio for line in comparison.rows] == pytest.approx([0.5] * 3)


@pytest.mark.parametrize(("rows", "missed", "failed"), [(40, 1, False), (40, 2, True), (100, 3, False), (100, 4, True)])
def test_chance_has_a_limit(rows, missed, failed):
    """One row, or 3 % of them."""
    ids = tuple(RowId("drain", (("size", number),)) for number in range(rows))
    assert SelfCheck(reference="asyncio", checked=ids, missed=ids[:missed]).failed is failed


def test_ratios_to_another_column_are_checked_by_the_same_twin():
    """A stored run can be judged against another reference; who was run twice stays who it was."""
    run = a_run(*row(1, twin=110), *row(2, twin=90), judges=JUDGES, headline="took")
    plan = msgspec.structs.replace(run.started.plan, baseline="trio")
    comparison = compare(msgspec.structs.replace(run, started=msgspec.structs.replace(run.started, plan=plan)))
    assert (comparison.reference, comparison.self_check.reference) == ("trio", "asyncio")
    assert comparison.self_check.failed
    assert verdicts(comparison) == [SpeedVerdict.INCONCLUSIVE] * 2


def test_too_few_rounds_check_nothing():
    """Seven have no interval of 99 %; and where the reference was not run twice there is no check at all."""
    assert comparison_of(row(1, twin=300, rounds=7)).self_check.checked == ()
    alone = [record for record in row(1) if not record.cell.alias]
    assert comparison_of(alone).self_check is None


def test_behaviour_of_the_twin_is_that_of_the_backend():
    """More of the same: it makes no majority of its own, and what it breaks its backend breaks."""
    places = [{"round": number} for number in (1, 2)]
    cells = [
        *(cell("asyncio", observed={"end": "a"}, **place) for place in places),
        *(again(cell("asyncio", observed={"end": "a"}, **place)) for place in places),
        *(cell("trio", observed={"end": "b"}, **place) for place in places),
    ]
    finding = only_finding(a_run(*cells, judges=JUDGES, headline="took"))
    assert (finding.kind, finding.backends) == (FindingKind.DIVERGENCE, ("asyncio", "trio"))
    broken = [cell("asyncio", observed={"lost": 0}), again(cell("asyncio", observed={"lost": 1})), cell("trio")]
    (violation,) = findings_of(a_run(*broken, judges=JUDGES, headline="took"), FindingKind.VIOLATION)
    assert violation.backends == ("asyncio",)


def test_a_twin_that_misses_rounds_checks_nothing():
    """Its own outcome is a finding like any other."""
    cells = list(row(1))
    hung = [
        msgspec.structs.replace(record, result=msgspec.structs.replace(record.result, outcome=Outcome.HUNG))
        if record.cell.alias and record.cell.round < 4
        else record
        for record in cells
    ]
    comparison = comparison_of(hung)
    assert comparison.self_check.checked == ()
    assert [finding.kind for finding in comparison.findings] == [FindingKind.HANG]
    assert comparison.rows[0].cells[0].headline.median == 100
