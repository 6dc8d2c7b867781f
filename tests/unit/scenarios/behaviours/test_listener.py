"""What a listening socket does: which runtime does what, and every broken contract is seen."""

import pytest

from harness_scenarios.behaviours import listener

from . import listener_saboteurs as broken

SCENARIOS = {scenario.name.removeprefix("listener."): scenario for scenario in listener.SCENARIOS}
ALL = ("asyncio", "uvloop", "trio", "curio", "threads")

EXPECTED = {
    "close-wakes-accept": {"raises closed": ("asyncio", "uvloop", "trio"), "never ends": ("curio", "threads")},
    "backlog-at-close": {"reset": ALL},
    "close-with-live-connection": {"returns, and the connection lives on": ALL},
    "cancelled-accept-keeps-connection": {
        "the next accept returns it": ("asyncio", "uvloop"),
        "accept returns it although late": ("trio", "curio", "threads"),
    },
    "accept-order": {"in order of arrival": ALL},
    "listen-again": {"returns": ALL},
    "port-taken": {"raises out of ports": ALL},
    "shares-load": {"both get connections": ALL},
}
"""For each question the answers and the runtimes that give them."""

SABOTEURS = [
    ("close-wakes-accept", broken.SleepsAtClose, "never ends"),
    ("close-wakes-accept", broken.NeverCloses, "the close never ends"),
    ("close-with-live-connection", broken.CutsAtClose, "returns, and the connection is cut"),
    ("close-with-live-connection", broken.WaitsAtClose, "waits for the connection"),
    ("close-with-live-connection", broken.NeverCloses, "never ends"),
    ("cancelled-accept-keeps-connection", broken.DropsCancelled, "the connection is lost"),
    ("accept-order", broken.LosesSecond, "a connection is lost or doubled"),
]


@pytest.fixture
def close_left_open():
    """Close what a saboteur has left open."""
    yield
    while broken.LEFT_OPEN:
        broken.LEFT_OPEN.pop()._socket.close()


@pytest.mark.parametrize("name", EXPECTED)
def test_each_runtime_answers_as_known(run_roles, backend, name):
    """The known difference appears on the runtimes where it lives and on no other."""
    report = run_roles(SCENARIOS[name], {"repetitions": 1}, backend=backend)
    assert set(report.values["answer"]) == {answer for answer, known in EXPECTED[name].items() if backend in known}


@pytest.mark.parametrize(("name", "saboteur", "answer"), SABOTEURS)
def test_broken_contract_is_seen(run_roles, name, saboteur, answer):
    """A healthy runtime that breaks one thing gives the forbidden answer."""
    wrap = {"main": broken.with_listeners(saboteur)}
    report = run_roles(SCENARIOS[name], {"repetitions": 1}, backend="trio", wrap=wrap)
    assert report.values["answer"] == [answer]
    assert report.violations() == {"answer"}


@pytest.mark.parametrize(
    ("name", "saboteur", "answer"),
    [
        ("listen-again", broken.RefusesTimeWait, "raises out of ports"),
        ("port-taken", broken.SharesPorts, "returns"),
    ],
)
def test_broken_listen_is_seen(run_roles, name, saboteur, answer):
    """A runtime that takes ports in another way gives the forbidden answer."""
    report = run_roles(SCENARIOS[name], {"repetitions": 1}, backend="trio", wrap={"main": saboteur})
    assert report.values["answer"] == [answer]
    assert report.violations() == {"answer"}


@pytest.mark.usefixtures("close_left_open")
@pytest.mark.parametrize(
    ("name", "answer"), [("backlog-at-close", "stays open"), ("listen-again", "raises out of ports")]
)
def test_listener_closed_in_name_is_seen(run_roles, name, answer):
    """A listener that goes on listening leaves its clients waiting, and its port taken."""
    wrap = {"main": broken.with_listeners(broken.ClosesInName)}
    report = run_roles(SCENARIOS[name], {"repetitions": 1}, backend="threads", wrap=wrap)
    assert report.values["answer"] == [answer]
    assert report.violations() == {"answer"}


def test_other_order_is_seen(run_roles):
    """Connections that are handed over in another order are worth a look, and no violation."""
    wrap = {"main": broken.with_listeners(broken.SwapsFirstTwo)}
    report = run_roles(SCENARIOS["accept-order"], {"repetitions": 1}, backend="trio", wrap=wrap)
    assert report.values["answer"] == ["in another order"]
    assert report.violations() == set()


def test_lost_connection_of_shared_port_is_seen(run_roles):
    """A connection that no listener returns is counted."""
    wrap = {"main": broken.with_listeners(broken.LosesSecond)}
    report = run_roles(SCENARIOS["shares-load"], {"repetitions": 1}, backend="trio", wrap=wrap)
    assert report.violations() == {"connections lost"}
    assert report["connections lost"] == 2  # one of each listener


def test_idle_listener_of_shared_port_is_seen(run_roles):
    """A listener that gets no connection is worth a look, and no violation."""

    class ListensElsewhere(broken.Wrapped):
        async def listen(self, *args, port=0, **kwargs):
            return await self.inner.listen()

    report = run_roles(SCENARIOS["shares-load"], {"repetitions": 1}, backend="trio", wrap={"main": ListensElsewhere})
    assert report["answer"] == "one gets all"
    assert report.violations() == set()
