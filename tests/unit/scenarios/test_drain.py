"""A server that is stopped under load: nothing that was begun is lost, except where closing cuts off."""

import pytest

from harness_saboteurs import FAULTS
from harness_scenarios.load.drain import drain

SMALL = {"clients": 4, "requests": 8, "work": 20.0}


def test_nothing_is_lost_unless_closing_cuts_off(run_roles, backend):
    """Curio has no other way to close a server."""
    trial = run_roles(drain, SMALL, backend=backend)
    assert trial.errors == {}
    assert trial["requests begun"] == trial["answered"] + trial["lost"]
    assert trial.violations == ({"lost"} if backend == "curio" else set())
    assert len(trial.values["time to stop"]) == 3


@pytest.mark.parametrize("fault", ["close-cuts-one-connection", "reply-of-handler-lost"])
def test_a_lost_reply_is_seen(run_roles, fault):
    """Whether the connection is cut off, or the reply never sent."""
    assert fault in drain.catches
    trial = run_roles(drain, SMALL, wrap={"main": FAULTS[fault].runtime})
    assert trial["lost"] > 0
    assert trial.violations == {"lost"}
