"""The rows of a suite: each test is a scenario with one question, how it ends."""

from __future__ import annotations

from msgspec.structs import replace

from harness.api import Scenario, allowed, exact, forbidden, info, outcomes
from harness.model import Suite
from harness.plugins import Catalogue

OUTCOME = "outcome"
"""Observation key of the result of a test."""
WORKER = "harness.suite.worker"
LEAKED = "leaked"
"""The result of a test that passes and leaves resources behind."""
UNDER_ORDERS = "under orders"
"""Observation key of the worst result under other orders of steps."""
_SHOWN = (
    "error", "cause", "traceback", "output", "schedulers", "results", "left", "warnings", "order", "order error"
)  # fmt: skip
_WORSE = ("xfailed", "skipped", "xpassed", "error in teardown", "error in set-up", "failed")
_ORDERS = outcomes(
    {"passed": allowed()}
    | dict.fromkeys(_WORSE, forbidden("the test passes in the own order, and a task may resume a few turns later"))
)


def make_test(name: str, hang_after: float = 30.0, order: int = 0) -> Scenario:
    """Return the row of a test. Its cells are run by batches: the worker of a suite runs tests and no role."""
    return Scenario(
        name=name,
        question=f"How does {name} end?",
        contract=(),
        ref="",
        parameters=(),
        judges={OUTCOME: exact(), UNDER_ORDERS: _ORDERS, **dict.fromkeys(_SHOWN, info())},
        headline=OUTCOME,
        rows={},
        hang_after=hang_after,
        timeout=86400.0,
        worker=WORKER,
        order=order,
    )


def add_tests(catalogue: Catalogue, suite: Suite) -> Catalogue:
    """Return the catalogue with the tests of a suite in the place of its scenarios."""
    scenarios = {name: make_test(name, suite.hang_after, order) for order, name in enumerate(suite.files)}
    return replace(catalogue, scenarios=scenarios)
