"""Perturbations are in effect while a cell runs, and one that fails costs its own cell only."""

from contextlib import contextmanager

import pytest

from harness.api import Perturbation
from harness.execute import run_guarded
from harness.execute.cell.conditions import UNDISTURBED, PerturbationError, establish
from harness.model import BackendSpec, Cell, Outcome, RoleBackend
from harness.plugins import Plugins


def cell(*perturb):
    """Return a cell under these conditions."""
    roles = (RoleBackend("main", BackendSpec("asyncio")),)
    return Cell(
        scenario="switch",
        roles=roles,
        parameters=(("tasks", 2), ("yields", 10)),
        round=1,
        seed=1,
        timeout=20,
        hang_after=10,
        perturb=perturb,
    )


def declare(name, *, in_runner=None, in_worker=""):
    """Return a perturbation that takes any value."""
    return Perturbation(name=name, summary="", parse=lambda text: text or "", in_runner=in_runner, in_worker=in_worker)


def test_conditions_hold_while_the_block_runs():
    """Entered in the order of the cell, left in the other one; each sees the CPUs that the runner may use."""
    seen = []

    @contextmanager
    def enter(value, conditions):
        seen.append(f"enter {value}")
        conditions.cpus = (int(value),)
        conditions.own_limits.add(value)
        yield
        seen.append(f"leave {value}")

    known = {name: declare(name, in_runner=enter, in_worker=f"m:{name}") for name in ("a", "b")}
    with establish(cell(("a", "1"), ("b", "2")), known) as conditions:
        assert seen == ["enter 1", "enter 2"]
        assert (conditions.cpus, conditions.own_limits) == ((2,), {"1", "2"})
        assert conditions.in_worker == (("m:a", "1"), ("m:b", "2"))
    assert seen[2:] == ["leave 2", "leave 1"]


def test_without_perturbations_nothing_changes():
    """The usual placement, and every limit is the cell's."""
    with establish(cell(), {}) as conditions:
        assert conditions == UNDISTURBED


def test_one_that_is_gone_or_raises_is_an_error():
    """Those that were entered before it are left."""
    left = []

    @contextmanager
    def fine(_value, _conditions):
        try:
            yield
        finally:
            left.append("fine")

    def fail(_value, _conditions):
        raise OSError("no")

    known = {"fine": declare("fine", in_runner=fine), "odd": declare("odd", in_runner=fail)}
    for name, complaint in (
        ("gone", "there is no perturbation 'gone'"),
        ("odd", "perturbation 'odd' raised OSError: no"),
    ):
        with pytest.raises(PerturbationError, match=complaint), establish(cell(("fine", ""), (name, "")), known):
            pytest.fail("the cell must not run")
    assert left == ["fine", "fine"]


def test_what_it_raises_at_the_end_changes_nothing():
    """The cell has its result by then."""

    @contextmanager
    def odd(_value, _conditions):
        yield
        raise OSError("no")

    with establish(cell(("odd", "")), {"odd": declare("odd", in_runner=odd)}):
        pass


def test_a_cell_that_raises_is_seen_by_its_conditions():
    """And still raises."""
    seen = []

    @contextmanager
    def odd(_value, _conditions):
        try:
            yield
        except ValueError as exc:
            seen.append(str(exc))
            raise

    with pytest.raises(ValueError, match="no"), establish(cell(("odd", "")), {"odd": declare("odd", in_runner=odd)}):
        raise ValueError("no")
    assert seen == ["no"]


@pytest.mark.parametrize(
    ("perturb", "reason"),
    [
        ((("gone", ""),), "there is no perturbation 'gone'; harness list perturbations shows all"),
        ((("gc", "x"), ("nofile", "none")), "perturbation harness_perturbations.files:limit_files raised ValueError"),
    ],
)
def test_a_failing_perturbation_is_never_charged_to_a_backend(tmp_path, perturb, reason):
    """The cell has an invalid environment, with the reason, in the runner and in the worker."""
    finished = list(run_guarded(cell(*perturb), Plugins().catalogue(), tmp_path))[-1]
    assert finished.result.outcome is Outcome.INVALID_ENV
    assert reason in finished.result.reason
