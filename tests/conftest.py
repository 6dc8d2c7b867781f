"""State that every test relies on, however pytest was started."""

import signal
from importlib.metadata import PackageNotFoundError, requires, version

import pytest
from hypothesis import HealthCheck, settings
from packaging.requirements import Requirement

# The time that Hypothesis needs to generate a value depends on the load of the machine, so no deadline applies. Each
# run draws the same values as the one before; `--hypothesis-profile search` draws new ones.
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("busy-machine", settings.get_profile("search"), derandomize=True, database=None)
settings.load_profile("busy-machine")

INHERITED = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
"""A shell starts background jobs with the first two ignored, `nohup` with the third; children inherit that."""


@pytest.fixture(autouse=True, scope="session")
def deliverable_signals():
    """Give tests, and the programs that they start, the signals of a terminal, whatever pytest inherited."""
    before = {number: signal.getsignal(number) for number in INHERITED}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def pytest_report_header():
    """Name the versions that this run has: newest, lowest or any between."""
    wanted = {Requirement(text).name for text in requires("runtime-harness") or ()}
    return f"dependencies: {', '.join(sorted(filter(None, map(_installed, wanted))))}"


def _installed(name):
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return ""
