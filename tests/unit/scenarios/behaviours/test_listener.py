"""What a listening socket does: which runtime does what, and every broken contract is seen."""

import pytest

from harness.testing.wrapping import Listener, Wrapped
from harness_saboteurs import FAULTS, sabotage
from harness_scenarios.behaviours import listener

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
    ("close-wakes-accept", "listener-close-wakes-nobody", "never ends"),
    ("close-wakes-accept", "listener-close-hangs", "the close never ends"),
    ("close-with-live-connection", "listener-close-cuts", "returns, and the connection is cut"),
    ("close-with-live-connection", "listener-close-waits", "waits for the connection"),
    ("close-with-live-connection", "listener-close-hangs", "never ends"),
    ("cancelled-accept-keeps-connection", "cancelled-accept-drops", "the connection is lost"),
    ("accept-order", "second-connection-lost", "a connection is lost or doubled"),
    ("listen-again", "port-not-reused", "raises out of ports"),
    ("port-taken", "port-shared", "returns"),
]


@pytest.mark.parametrize("name", EXPECTED)
def test_each_runtime_answers_as_known(run_roles, backend, name):
    """The known difference appears on the runtimes where it lives and on no other."""
    report = run_roles(SCENARIOS[name], {"repetitions": 1}, backend=backend)
    assert set(report.values["answer"]) == {answer for answer, known in EXPECTED[name].items() if backend in known}


@pytest.mark.parametrize(("name", "fault", "answer"), SABOTEURS)
def test_broken_contract_is_seen(run_roles, name, fault, answer):
    """A healthy runtime that breaks one thing gives the forbidden answer."""
    wrap = {"main": FAULTS[fault].runtime}
    report = run_roles(SCENARIOS[name], {"repetitions": 1}, backend="trio", wrap=wrap)
    assert report.values["answer"] == [answer]
    assert report.violations == {"answer"}


@pytest.mark.parametrize(
    ("name", "answer"), [("backlog-at-close", "stays open"), ("listen-again", "raises out of ports")]
)
def test_listener_closed_in_name_is_seen(run_roles, name, answer):
    """A listener that goes on listening leaves its clients waiting, and its port taken."""
    sabotaged = []

    def wrap(runtime):
        sabotaged.append(FAULTS["listener-closed-in-name"].runtime(runtime))
        return sabotaged[0]

    report = run_roles(SCENARIOS[name], {"repetitions": 1}, backend="threads", wrap={"main": wrap})
    for left_open in sabotaged[0].left_open:
        left_open._socket.close()
    assert report.values["answer"] == [answer]
    assert report.violations == {"answer"}


class SwapsFirstTwo(Listener):
    """The second connection comes first."""

    waiting = None

    async def accept(self):
        """Accept, the first two in the other order."""
        if self.waiting is None:
            self.waiting = await self.inner.accept()
            return await self.inner.accept()
        stream, self.waiting = self.waiting or await self.inner.accept(), False
        return stream


def test_other_order_is_seen(run_roles):
    """Connections that are handed over in another order are worth a look, and no violation."""
    wrap = {"main": sabotage(SwapsFirstTwo)}
    report = run_roles(SCENARIOS["accept-order"], {"repetitions": 1}, backend="trio", wrap=wrap)
    assert report.values["answer"] == ["in another order"]
    assert report.violations == set()


def test_lost_connection_of_shared_port_is_seen(run_roles):
    """A connection that no listener returns is counted."""
    wrap = {"main": FAULTS["second-connection-lost"].runtime}
    report = run_roles(SCENARIOS["shares-load"], {"repetitions": 1}, backend="trio", wrap=wrap)
    assert report.violations == {"connections lost"}
    assert report["connections lost"] == 2  # one of each listener


def test_idle_listener_of_shared_port_is_seen(run_roles):
    """A listener that gets no connection is worth a look, and no violation."""

    class ListensElsewhere(Wrapped):
        async def listen(self, *args, port=0, **kwargs):
            return await self.inner.listen()

    report = run_roles(SCENARIOS["shares-load"], {"repetitions": 1}, backend="trio", wrap={"main": ListensElsewhere})
    assert report["answer"] == "one gets all"
    assert report.violations == set()
