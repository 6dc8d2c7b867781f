"""What a server does without descriptors: which runtime does what, and every broken contract is seen."""

import os
import resource

import pytest

from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import listener_fds
from harness_scenarios.behaviours.listener_fds import FullTable

SCENARIOS = {scenario.name.removeprefix("listener."): scenario for scenario in listener_fds.SCENARIOS}

EXPECTED = {
    "out-of-fds": {
        "the acceptor is not told, and the clients are served later": ("asyncio",),
        "the waiting clients are closed": ("uvloop",),
        "the acceptor gets the error, and the clients are served later": ("trio", "curio", "threads"),
    },
    "out-of-fds-spin": {"waits": ("asyncio", "uvloop"), "the acceptor spins": ("trio", "curio", "threads")},
}
"""For each question the answers and the runtimes that give them."""

SABOTEURS = [
    ("out-of-fds", "out-of-fds-closes-waiting", "the waiting clients are closed"),
    ("out-of-fds", "out-of-fds-forgets-waiting", "the waiting clients are forgotten"),
    ("out-of-fds", "out-of-fds-kills-accept", "the server is dead for ever"),
    ("out-of-fds-spin", "out-of-fds-spins", "the runtime spins"),
]


@pytest.fixture(autouse=True)
def short_patience(monkeypatch):
    """Wait for clients that are never served for half a second more than asyncio needs."""
    monkeypatch.setattr(listener_fds, "_RECOVERY_TURNS", 1300)


@pytest.fixture(autouse=True)
def same_limit():
    """Require that the process has the limit that it had."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


@pytest.mark.parametrize("name", EXPECTED)
def test_each_runtime_answers_as_known(run_roles, backend, name):
    """The known difference appears on the runtimes where it lives and on no other."""
    report = run_roles(SCENARIOS[name], {}, backend=backend)
    assert set(report.values["answer"]) == {answer for answer, known in EXPECTED[name].items() if backend in known}


@pytest.mark.parametrize(("name", "fault", "answer"), SABOTEURS)
def test_broken_contract_is_seen(run_roles, name, fault, answer):
    """A healthy runtime that breaks one thing gives the forbidden answer."""
    wrap = {"main": FAULTS[fault].runtime}
    report = run_roles(SCENARIOS[name], {}, backend="trio", wrap=wrap)
    assert report.values["answer"] == [answer]
    assert report.violations == {"answer"}


def test_full_table_has_no_descriptor_left():
    """Nothing can be opened inside the block, and everything is as before behind it."""
    before = set(os.listdir("/dev/fd"))
    with FullTable(), pytest.raises(OSError, match="Too many open files"):
        os.open(os.devnull, os.O_RDONLY)
    assert set(os.listdir("/dev/fd")) == before
