"""A fault of a part that many questions need has one root cause in a run of them."""

import math

import msgspec

from harness.compare import compare
from harness.plugins import Plugins
from harness.session.header import make_scenario_card

from ..compare.run_builder import a_run, cell

CATALOGUE = Plugins().catalogue()
EVENT = "lock.event-wakes-every-waiter"
HEALTHY = "lock.release-by-another-task"
"""It waits for no event: its waits may take as long as a busy machine needs."""
ASKED = (EVENT, "lock.order-of-waiters", HEALTHY, "channel.close-wakes-all-receivers")
BROKEN = "saboteur:fault=event-wakes-nobody"


def test_a_broken_event_is_one_root_cause(run_apart):
    """Questions that wait for events depend on the question about them; the one without events keeps its contract."""
    records = []
    for name in ASKED:
        scenario = CATALOGUE.scenario(name)
        patience = math.inf if name == HEALTHY else 0.2
        asked = {"repetitions": 1}
        seen = run_apart(scenario, asked, backend="asyncio", fault="event-wakes-nobody", patience=patience)
        records.append(cell(BROKEN, scenario=name, observed=seen.values))
    run = a_run(*records)
    cards = tuple(make_scenario_card(CATALOGUE, name) for name in ASKED)
    started = msgspec.structs.replace(run.started, scenarios=cards)
    (cause,) = compare(msgspec.structs.replace(run, started=started)).root_causes
    assert [row.scenario for row in cause.rows] == [EVENT]
    assert {row.scenario for row in cause.dependent} == {"lock.order-of-waiters", "channel.close-wakes-all-receivers"}
