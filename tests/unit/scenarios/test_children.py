"""children: programs are started and waited for, what they write is read, and a broken runtime is seen."""

import pytest

from harness_saboteurs import FAULTS
from harness_scenarios.load.children import children

FEW = {"at_once": 3, "batches": 2}


@pytest.mark.parametrize("output_kib", [0, 200])
def test_each_child_is_waited_for(run_roles, backend, output_kib):
    """On each runtime, with output and without; progress counts the children of four values."""
    trial = run_roles(children, FEW | {"output_kib": output_kib}, backend=backend)
    assert trial.errors == {}
    assert trial.violations == set()
    assert trial.progress["main"] == 4 * 3 * 2
    assert len(trial.values["ns per child"]) == len(trial.values["ns per start"]) == 3
    assert len(trial.values.get("output", [])) == (3 if output_kib else 0)


def test_a_fault_is_seen(run_roles):
    """Bytes that do not come back are missing."""
    trial = run_roles(children, FEW | {"output_kib": 200}, wrap=FAULTS["communicate-cuts-off"].runtime)
    assert trial.violations == {"bytes missing"}
