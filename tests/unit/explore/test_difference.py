"""Final states of one program on two runtimes."""

import pytest
from trials import make_trial

from harness.explore.difference import Differ
from harness.explore.families import FAMILIES
from harness.explore.grammar import RULES
from harness.explore.program import Operation, Program, Resource

pytestmark = pytest.mark.filterwarnings("ignore")

CANCELLED_BEFORE_A_FREE_LOCK = Program(
    (Resource("lock"),),
    ((Operation("sleep", 0, 1), Operation("cancel", 0), Operation("hold", 0)), (Operation("hold", 0),)),
)
"""asyncio delivers a cancellation where a task waits; trio at each checkpoint, also where there is no wait."""
TWO_TAKE_A_LOCK = Program((Resource("lock"),), ((Operation("hold", 0),), (Operation("checkpoint", 0, 1),)))


def _differ(one, other):
    return Differ(*(make_trial(backend, FAMILIES["lock"]) for backend in (one, other)))


def test_a_program_without_a_common_state_is_found_and_made_smaller():
    """With what each runtime can reach."""
    differ = _differ("asyncio", "trio")
    found = differ.find(CANCELLED_BEFORE_A_FREE_LOCK)
    assert found.own == ("held / held",)
    assert found.other == ("nothing / held",)
    smallest = differ.find_smallest(CANCELLED_BEFORE_A_FREE_LOCK, RULES)
    assert smallest.tasks == ((Operation("cancel", 0), Operation("hold", 0)),)


@pytest.mark.parametrize("program", [CANCELLED_BEFORE_A_FREE_LOCK, TWO_TAKE_A_LOCK])
def test_a_runtime_is_like_itself(program):
    """And two runtimes that agree under some order are no difference."""
    assert _differ("asyncio", "asyncio").find(program) is None
    assert _differ("asyncio", "trio").find(TWO_TAKE_A_LOCK) is None
