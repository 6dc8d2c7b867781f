"""A cancellation at each turn around what happens meanwhile."""

import pytest

from harness.api import CancelTrial, Scenario, cancel_at_every_turn, exact
from harness.testing.trial import try_scenario

MOMENTS = [
    *(f"cancelled {turns} before" for turns in ("3 turns", "2 turns", "1 turn")),
    *("cancelled just before", "cancelled just after"),
    *(f"cancelled {turns} after" for turns in ("1 turn", "2 turns", "3 turns")),
]


async def wait_for_an_event(runtime, probe):
    """A call that ends when an event is set, and whether it ended or was cancelled."""

    async def prepare():
        event, seen = runtime.create_event(), []

        async def call():
            try:
                await event.wait()
            except BaseException as exc:
                seen.append(runtime.is_cancelled(exc))
                raise
            seen.append("returned")

        return CancelTrial(call=call, meanwhile=event.set, look=lambda: seen)

    found = await cancel_at_every_turn(runtime, prepare)
    probe.observe("moments", list(found))
    probe.observe("ends", [*found.values()])


SWEPT = Scenario(
    name="swept",
    question="?",
    contract=(),
    ref="",
    roles={"main": wait_for_an_event},
    parameters=(),
    judges={"moments": exact(), "ends": exact()},
    headline="ends",
    rows={},
)


@pytest.mark.parametrize("backend", ["asyncio", "uvloop", "trio"])
def test_every_moment_is_tried_once(backend):
    """Early ones cancel a call that waits, late ones come when it has returned; none is left out."""
    trial = try_scenario(SWEPT, backend)
    assert (trial.errors, trial["moments"]) == ({}, MOMENTS)
    ends = trial["ends"]
    assert {len(end) for end in ends} == {1}
    assert (ends[0], ends[-1]) == ([True], ["returned"])
