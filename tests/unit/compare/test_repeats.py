"""Who was run again because others had the CPU."""

from math import isclose

import msgspec
import pytest

from harness.compare import compare
from harness.compare.repeats import compute_chance
from harness.model import Disturbance, Outcome

from .run_builder import a_run, cell

ONCE = (Disturbance(wall=1.0, run_delay=0.2),)


def square(label, repeated, rounds=20, **more):
    """Return the cells of a backend, of which the first few were run again."""
    for number in range(1, rounds + 1):
        record = cell(label, round=number, **more)
        result = msgspec.structs.replace(record.result, disturbed=ONCE if number <= repeated else ())
        yield msgspec.structs.replace(record, result=result)


def twin(records):
    """Return the cells of the alias."""
    for record in records:
        the_cell = msgspec.structs.replace(record.cell, alias=True)
        result = msgspec.structs.replace(record.result, cell_id=the_cell.id)
        yield msgspec.structs.replace(record, cell=the_cell, result=result)


def repeats(*squares, cpu_bound=True, parallel=()):
    """Return what a comparison says of them."""
    run = a_run(*(record for records in squares for record in records))
    scenarios = tuple(msgspec.structs.replace(card, cpu_bound=cpu_bound) for card in run.started.scenarios)
    backends = tuple(msgspec.structs.replace(card, parallel=card.name in parallel) for card in run.started.backends)
    started = msgspec.structs.replace(run.started, scenarios=scenarios, backends=backends)
    return compare(msgspec.structs.replace(run, started=started)).repeats


def test_nothing_is_said_of_a_calm_run():
    """Nor of scenarios that do not compute: whoever sleeps wakes when there is a CPU."""
    assert repeats(square("asyncio", 0), square("trio", 0)) is None
    assert repeats(square("asyncio", 0), square("trio", 20), cpu_bound=False) is None


def test_cells_are_counted_by_arm():
    """Also those of the alias, apart; not those of threads, nor those that did not complete."""
    found = repeats(
        square("asyncio", 2),
        twin(square("asyncio", 1)),
        square("trio", 3),
        square("threads", 0),
        square("curio", 0, outcome=Outcome.HUNG),
        parallel=("threads",),
    )
    assert found.cells == {"asyncio": 20, "asyncio(again)": 20, "trio": 20}
    assert found.repeated == {"asyncio": 2, "asyncio(again)": 1, "trio": 3}
    assert found.unequal == ()


@pytest.mark.parametrize(
    ("counts", "unequal"),
    [((10, 10, 11), ()), ((3, 5, 9), ()), ((1, 1, 15), ("curio",)), ((15, 15, 1), ("curio",)), ((20, 20, 20), ())],
)
def test_only_what_chance_does_not_do_is_unequal(counts, unequal):
    """One more or one less than the others by far."""
    names = ("asyncio", "trio", "curio")
    found = repeats(*(square(name, count) for name, count in zip(names, counts, strict=True)))
    assert found.unequal == unequal


def test_a_backend_that_lacks_rows_is_not_unequal_for_that():
    """Where it did not run, nothing could disturb it: only what all have completed is compared."""
    stormy = [square(name, 20, parameters={"n": 1}) for name in ("asyncio", "curio")]
    calm = [square(name, 0, parameters={"n": 2}) for name in ("asyncio", "trio", "curio")]
    found = repeats(*stormy, *calm)
    assert (found.cells["asyncio"], found.cells["trio"]) == (40, 20)
    assert found.unequal == ()


def test_the_chance_is_fishers():
    """The lady tasting tea (Fisher 1935): all of four among eight by chance in 1 of 70, and none as often."""
    assert isclose(compute_chance(4, 4, 4, 8), 2 / 70)
    assert isclose(compute_chance(0, 4, 4, 8), 2 / 70)
    assert compute_chance(2, 4, 4, 8) == 1.0
