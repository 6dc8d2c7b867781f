"""The command that shows a finding again."""

import pytest
from msgspec.structs import replace

from harness.model import Request, Suite, make_command

from .run_builder import cell


@pytest.mark.parametrize(
    ("record", "request_", "seed", "expected"),
    [
        (cell("trio"), Request(), 0, "harness run --backend trio --scenario drain"),
        (
            cell("trio", parameters={"mode": "rate", "rate": 500}),
            Request(),
            0,
            "harness run --backend trio --scenario drain --param mode=rate --param rate=500",
        ),
        (
            cell("asyncio:eager=true,loop=rloop"),
            Request(),
            0,
            "harness run --backend asyncio:eager=true,loop=rloop --scenario drain",
        ),
        (cell("trio+uvloop"), Request(), 0, "harness run --server trio --client uvloop --scenario drain"),
        (cell("trio+trio"), Request(), 0, "harness run --backend trio --scenario drain"),
        (
            cell("trio", parameters={"capacity": None, "fair": True}),
            Request(),
            0,
            "harness run --backend trio --scenario drain --param capacity=none --param fair=true",
        ),
        (cell("trio", parameters={"text": "a b; rm -rf /"}), Request(), 0, "'text=a b; rm -rf /'"),
        (cell("trio", round=3), Request(), 7, "--seed 7 --rounds 3"),
        (cell("trio"), Request(timeout=2.5), 0, "--timeout 2.5"),
    ],
)
def test_command(record, request_, seed, expected):
    """It says all that makes the cell, quoted for a shell, and no more."""
    command = make_command(record.cell, request_, seed)
    assert command == expected if expected.startswith("harness") else expected in command


def test_the_command_of_another_start():
    """The executor is the cell's: a run that was merged of several knows it as well."""
    started = replace(cell("trio").cell, executor="nice")
    assert make_command(started, Request(), 0) == "harness run --backend trio --scenario drain --executor nice"


def test_the_command_of_a_test_has_the_orders_of_its_suite():
    """Without them it would show nothing."""
    suite = Suite(runner="pytest", targets=("t",), files={"t.py::test_a": "t.py"}, schedules=100)
    request = Request(backends=("asyncio",), rounds=2, suite=suite)
    expected = "harness suite t.py::test_a --backend asyncio --hang-after 30s --rounds 2 --schedules 100"
    assert make_command(cell("asyncio", scenario="t.py::test_a").cell, request, 0) == expected
