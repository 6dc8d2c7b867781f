"""Where the rest of a run's time goes."""

import math

import msgspec
import pytest

from harness.api import metric
from harness.compare import compare
from harness.compare.intervals import INTERIM_ROUNDS
from harness.model import CellSummary, Disturbance, RatioSummary, RowId, RowSummary, RowWork
from harness.session.budget import Budget, measure_width

from ..compare.run_builder import a_run, cell

JUDGES = {"took": metric("ns")}


def row(size, spread, rounds=6):
    """Return the cells of a row whose ratio scatters by this factor; a round of it takes three seconds."""
    for number in range(1, rounds + 1):
        place = {"round": number, "parameters": {"size": size}}
        yield cell("asyncio", observed={"took": 100.0}, **place)
        yield cell("trio", observed={"took": 100.0 * spread ** (number % 3 - 1)}, **place)


def taking(seconds, record):
    """Return a cell that took so long."""
    return msgspec.structs.replace(record, result=msgspec.structs.replace(record.result, seconds=seconds))


def choose(*rows, left=1_000.0, took=0.0, records=()):
    """Return the rounds that are chosen, by size of the row."""
    run = a_run(*(record for cells in rows for record in cells), *records, judges=JUDGES, headline="took")
    times = iter((0.0, took))
    chosen = Budget(left, lambda: next(times)).choose_rounds(run, compare(run))
    return {dict(row.parameters)["size"]: (numbers.start, numbers.stop - 1) for row, numbers in chosen.items()}


def test_every_row_gets_to_the_first_look():
    """Also a narrow one: before ten rounds nothing is concluded."""
    assert choose(row(1, 1.0), row(2, 1.3, 1)) == {1: (7, 10), 2: (2, 10)}


def test_one_row_of_each_scenario_comes_first_and_the_cheapest_of_them():
    """A cell takes what is said, a round two of them; there is time for some of the rows."""
    rows = [
        taking(seconds, cell(backend, observed={"took": 1.0}, scenario=scenario, parameters={"size": size}))
        for scenario, size, seconds in (("drain", 1, 4.0), ("drain", 2, 1.0), ("flow", 3, 2.0))
        for backend in ("asyncio", "trio")
    ]
    assert choose(rows, left=9 * 4.0) == {3: (2, 10)}
    assert choose(rows, left=9 * 6.0) == {3: (2, 10), 2: (2, 10)}
    assert choose(rows, left=9 * 12.0) == {3: (2, 10), 1: (2, 10)}


def test_then_only_what_is_wide():
    """To the next number of rounds at which it is looked at."""
    assert choose(row(1, 1.0, 10), row(2, 1.3, 10), row(3, 1.3, 20)) == {2: (11, 15), 3: (21, 30)}


def test_the_widest_comes_first():
    """A row takes two cells of 1.5 s a round; there is time for one row of the two."""
    assert choose(row(1, 1.1, 10), row(2, 1.3, 10), left=20.0) == {2: (11, 15)}


def test_what_does_not_fit_leaves_room_for_what_does():
    """From 20 to 30 rounds it takes 30 s, from 10 to 15 it takes 15."""
    assert choose(row(1, 1.5, 20), row(2, 1.3, 10), left=20.0) == {2: (11, 15)}


def test_time_that_is_over_is_not_spent():
    """Nor is there a look after the last one."""
    assert choose(row(1, 1.3), left=100.0, took=95.0) == {}
    assert choose(row(1, 1.3, INTERIM_ROUNDS[-1])) == {}


def test_rows_without_a_ratio_need_no_rounds():
    """One backend, or a reference without a figure."""
    alone = [cell("asyncio", observed={"took": 1.0}, round=number, parameters={"size": 1}) for number in range(1, 7)]
    assert choose(alone) == {}


def test_attempts_that_did_not_count_took_time_too():
    """A round of cells that were each run once more takes twice as long: there is time for four more, not for eight."""
    attempt = (Disturbance(wall=1.0, run_delay=0.2, seconds=1.5),)
    again = [
        msgspec.structs.replace(record, result=msgspec.structs.replace(record.result, disturbed=attempt))
        for record in row(1, 1.3)
    ]
    assert choose(row(1, 1.3), left=13.0) == {1: (7, 10)}
    assert choose(again, left=13.0) == {}
    assert choose(again, left=25.0) == {1: (7, 10)}


def summary(*half_widths, roles=("trio",)):
    """Return a row of backends whose intervals are this wide, as factors."""
    return RowSummary(
        row=RowId("drain", ()),
        headline="took",
        cells=tuple(
            CellSummary(
                label="trio",
                roles=roles,
                outcomes={},
                ratio=RatioSummary(reference="asyncio", ratio=1.0, low=1 / width, high=width),
            )
            for width in half_widths
        ),
    )


@pytest.mark.parametrize(
    ("roles", "parallel", "factor"),
    [
        (("trio",), set(), 1.02),
        (("trio",), {"trio"}, 1.05),
        (("trio",), {"asyncio"}, 1.05),
        (("trio", "trio"), set(), 1.05),
    ],
)
def test_what_is_narrow_depends_on_what_runs(roles, parallel, factor):
    """Threads and pairs of processes scatter with where the system runs them."""
    assert measure_width(summary(factor, roles=roles), parallel) == pytest.approx(1.0)


def test_one_backend_that_scatters_does_not_take_all_time():
    """The width of a row is the median over its backends."""
    assert measure_width(summary(1.02, 1.02, 5.0), set()) == pytest.approx(1.0)
    assert measure_width(summary(), set()) == math.inf


def test_a_width_is_a_number_also_for_a_ratio_that_varies_without_limit():
    """Whatever was measured."""
    wide = msgspec.structs.replace(summary(2.0).cells[0].ratio, low=1e-300, high=1e300)
    cells = (msgspec.structs.replace(summary(2.0).cells[0], ratio=wide),)
    assert math.isfinite(measure_width(msgspec.structs.replace(summary(2.0), cells=cells), set()))


def test_a_round_that_said_how_much_work_is_right_is_one_more():
    """Ten rounds are ten that count. Before there are any, a round takes what is expected of its cells."""
    work = RowWork(row=RowId("drain", (("size", 1),)), parameter="items", amount=5, seconds={"asyncio": 1, "trio": 2})

    def chosen(rounds, left):
        records = [
            msgspec.structs.replace(
                record,
                cell=msgspec.structs.replace(record.cell, work=("items", 5) if record.cell.round > 1 else None),
            )
            for record in row(1, 1.3, rounds)
        ]
        run = msgspec.structs.replace(a_run(*records, judges=JUDGES, headline="took"), works=(work,))
        times = iter((0.0, 0.0))
        return Budget(left, lambda: next(times)).choose_rounds(run, compare(run))

    assert chosen(1, 1000.0) == chosen(1, 30.0) == {work.row: range(2, 12)}
    assert chosen(1, 29.0) == {}
    assert chosen(6, 15.0) == {work.row: range(7, 12)}
    assert chosen(6, 14.0) == {}
