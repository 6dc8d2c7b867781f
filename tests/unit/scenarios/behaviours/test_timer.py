"""When timers fire: which runtime does what, and every broken contract is seen."""

import math
import sys

import pytest

from harness.testing.wrapping import Wrapped
from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import timer

SCENARIOS = {scenario.name.removeprefix("timer."): scenario for scenario in timer.SCENARIOS}
ALL = ("asyncio", "uvloop", "trio", "curio", "threads")
NOT_UVLOOP = ("asyncio", "trio", "curio", "threads")
IN_ORDER, AS_INSERTED, MIXED = "in order of deadline", "in order of insertion", "in another order"
NAN_IN_ASYNCIO = {"raises other"} if sys.version_info >= (3, 13) else {"returns", "waits", "other timers stop"}
"""Before 3.13 it depends on the other timers where a deadline that is not a number lies in the heap (gh-105331)."""

EXPECTED = {
    "early-by-own-clock": {"never early": NOT_UVLOOP, "early": ("uvloop",)},
    "early-by-system-clock": {"never early": NOT_UVLOOP, "early": ("uvloop",)},
    "sleep-forever": {"waits until it is cancelled": ALL},
    "sleep-hundred-years": {"waits until it is cancelled": ALL},
    "negative-sleep": {"returns": ("asyncio", "uvloop", "curio", "threads"), "raises other": ("trio",)},
}
"""For each question the answers and the runtimes that give them."""

POSSIBLE = {
    "short-sleep": {
        "asyncio": {"a millisecond or more"},
        "uvloop": {"returns at once"},
        "trio": {"a millisecond or more"},
        "curio": {"a millisecond or more"},
        "threads": {"about right", "a millisecond or more"},  # the second on a machine under load
    },
    "close-deadlines": {
        "asyncio": {IN_ORDER},
        "uvloop": {AS_INSERTED, MIXED},  # mixed where a millisecond begins between two of them
        "trio": {IN_ORDER, AS_INSERTED, MIXED},
        "curio": {IN_ORDER, MIXED},  # its timers are relative: a pause of the machine moves them
        "threads": {IN_ORDER, AS_INSERTED, MIXED},
    },
    "nan-sleep": {
        "asyncio": NAN_IN_ASYNCIO,
        "uvloop": {"raises other"},
        "trio": {"raises other"},
        "curio": {"waits", "returns"},
        "threads": {"waits"},
    },
}
"""For each question and runtime the answers that may be seen."""


@pytest.mark.parametrize("name", EXPECTED)
def test_each_runtime_answers_as_known(run_roles, backend, name):
    """The known difference appears on the runtimes where it lives and on no other."""
    answers = set(run_roles(SCENARIOS[name], {}, backend=backend).values["answer"])
    assert answers == {answer for answer, known in EXPECTED[name].items() if backend in known}


@pytest.mark.parametrize("name", POSSIBLE)
def test_each_runtime_answers_as_possible(run_roles, backend, name):
    """Where chance has a say, a runtime gives no answer but its own."""
    answers = set(run_roles(SCENARIOS[name], {}, backend=backend).values["answer"])
    assert answers <= POSSIBLE[name][backend]


def test_trio_runs_close_deadlines_in_any_order(run_roles):
    """What is due at once runs in a random order on trio: twenty times six tasks are not always in order."""
    assert MIXED in run_roles(SCENARIOS["close-deadlines"], {}, backend="trio").values["answer"]


def test_order_of_equal_deadlines_is_never_a_violation(run_roles, backend):
    """Equal deadlines have no order: whatever it is, it breaks nothing."""
    report = run_roles(SCENARIOS["equal-deadlines"], {}, backend=backend)
    assert len(report.values["answer"]) == 10
    assert report.violations == set()


def test_uvloop_keeps_insertion_order_of_equal_deadlines(run_roles):
    """Timers of uvloop are in order of insertion; asyncio's heap is not."""
    assert AS_INSERTED in run_roles(SCENARIOS["equal-deadlines"], {}, backend="uvloop").values["answer"]
    assert set(run_roles(SCENARIOS["equal-deadlines"], {}, backend="asyncio").values["answer"]) == {MIXED}


# --- saboteurs ---

SABOTEURS = [
    ("early-by-own-clock", "timer-early", "early"),
    ("early-by-system-clock", "timer-early", "early"),
    ("sleep-forever", "long-sleep-returns", "returns"),
    ("sleep-hundred-years", "long-sleep-returns", "returns"),
    ("negative-sleep", "negative-sleep-never-ends", "never ends"),
    ("nan-sleep", "timers-stop-at-nan", "other timers stop"),
    ("close-deadlines", "deadlines-forgotten", "never ends"),
]


@pytest.mark.parametrize(("name", "fault", "answer"), SABOTEURS)
def test_broken_contract_is_seen(run_roles, name, fault, answer):
    """A healthy runtime that breaks one thing gives the forbidden answer."""
    report = run_roles(SCENARIOS[name], {"repetitions": 1}, backend="asyncio", wrap={"main": FAULTS[fault].runtime})
    assert report.values["answer"] == [answer]
    assert report.violations == {"answer"}


class SkipsShortSleeps(Wrapped):
    """A sleep of less than a millisecond does not wait."""

    async def sleep(self, seconds):
        """Sleep, or not."""
        await self.inner.sleep(seconds if seconds >= 0.001 else 0)


class RoundsDeadlines(Wrapped):
    """A deadline is rounded up to a whole millisecond."""

    def open_cancel_scope(self, *, deadline):
        """Open a scope that ends late."""
        return self.inner.open_cancel_scope(deadline=math.ceil(deadline * 1e3) / 1e3)


def test_skipped_short_sleep_is_seen(run_roles):
    """A short sleep that does not wait is told apart from one that is rounded up."""
    report = run_roles(SCENARIOS["short-sleep"], {}, backend="asyncio", wrap={"main": SkipsShortSleeps})
    assert report.values["answer"] == ["returns at once"]


def test_rounded_deadlines_are_seen(run_roles):
    """Deadlines that are rounded to the same millisecond do not fire in their order."""
    report = run_roles(SCENARIOS["close-deadlines"], {}, backend="asyncio", wrap={"main": RoundsDeadlines})
    assert set(report.values["answer"]) - {IN_ORDER}
