"""The load of datagrams: counts add up, losses are seen, and a window that may overflow is refused."""

import pytest

from harness.testing.wrapping import Endpoint, sabotage
from harness_saboteurs import FAULTS
from harness_scenarios.load.datagrams import datagrams

SMALL = {"datagrams": 200, "window": 8}


def test_with_a_window_every_datagram_is_answered(run_roles, backend):
    """On each runtime."""
    trial = run_roles(datagrams, SMALL, backend=backend)
    assert (trial.errors, trial.violations) == ({}, set())
    assert (trial["arrived"], trial["lost"], trial["wrong or twice"]) == (200, 0, 0)
    assert trial["datagrams per second"] > 0


def test_a_flood_is_counted(run_roles, backend):
    """Lost datagrams break nothing: the buffer of the receiver is full."""
    trial = run_roles(datagrams, {"datagrams": 2000, "window": 0}, backend=backend)
    assert (trial.errors, trial.violations) == ({}, set())
    assert trial["arrived"] + trial["lost"] == trial["datagrams sent"] == 2000
    assert trial["arrived"] > 0
    assert 0 <= trial["share lost"] < 100
    assert trial["flood: arrived per second"] > 0
    assert "datagrams per second" not in trial


@pytest.mark.parametrize("fault", datagrams.catches)
def test_a_loss_is_seen(run_roles, monkeypatch, fault):
    """Or a datagram too many."""
    monkeypatch.setattr("harness_scenarios.load.datagrams._SILENCE_SECONDS", 0.2)
    wrap = {"server": FAULTS[fault].runtime}
    trial = run_roles(datagrams, {"datagrams": 50, "window": 4}, wrap=wrap)
    assert trial.violations & {"lost", "wrong or twice"}


class DropsFrom(Endpoint):
    """A server that answers the first datagrams only."""

    answered = 0

    async def send_to(self, data, address=None):
        self.answered += 1
        if self.answered <= 10:
            await self.inner.send_to(data, address)


def test_what_was_not_sent_is_not_lost(run_roles, monkeypatch):
    """A window without replies is; the datagrams behind it were never sent."""
    monkeypatch.setattr("harness_scenarios.load.datagrams._SILENCE_SECONDS", 0.2)
    trial = run_roles(datagrams, {"datagrams": 50, "window": 4}, wrap={"server": sabotage(DropsFrom)})
    assert (trial["arrived"], trial["lost"], trial["datagrams sent"]) == (10, 4, 14)


def test_a_window_that_may_overflow_is_refused():
    """A violation would be the parameter's fault."""
    values = {parameter.name: parameter.default for parameter in datagrams.parameters}
    assert datagrams.preflight(values) == ""
    assert "at most 128," in datagrams.preflight(values | {"size": 16, "window": 4096})
    assert "at most 1," in datagrams.preflight(values | {"size": 65_507, "window": 2})
