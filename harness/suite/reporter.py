"""Reports of a test runner to the runner of the run, each written when it happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from harness.api import InForce
from harness.model.outcome import Observed
from harness.worker.channel import Pipe

from .leftovers import Leftovers

SEVERITY = ("passed", "xfailed", "skipped", "xpassed", "error in teardown", "error in set-up", "failed")
"""Results of a test, the worst last."""
ROLE = "main"
_IDS_AT_ONCE = 500


class Reporter:
    """Sends the records of a batch: which tests there are, and the start, the results and the end of each.

    Args:
        pipe: takes the records.
        in_force: the scheduler in force.
        orders: seeds of the orders of steps under which a test that passes is run again.
    """

    def __init__(self, pipe: Pipe, in_force: InForce, orders: Sequence[int] = ()) -> None:
        self._send_message = pipe.send
        self._in_force = in_force
        self._orders = orders
        self._leftovers = Leftovers(in_force.list_tasks, in_force.wanted.partition(".")[0])
        self._started = time.monotonic()
        self._open = ""
        self._run = _TestRun()
        self.seen: set[str] = set()

    @property
    def running(self) -> str:
        """Id of the test that runs."""
        return self._open

    def send(self, key: str, value: object) -> None:
        """Send one record."""
        at = time.monotonic() - self._started
        self._send_message(Observed(role=ROLE, key=key, value=value, at=at))

    def collected(self, files: dict[str, str]) -> None:
        """Report the tests that were found, by id with the file of each."""
        pairs = list(files.items())
        for first in range(0, len(pairs), _IDS_AT_ONCE):
            self.send("collected", pairs[first : first + _IDS_AT_ONCE])

    def start(self, test: str) -> None:
        """Report that a test is about to run."""
        self._in_force.take_schedulers()
        self._open, self._run = test, _TestRun(made=self._in_force.made)
        self.seen.add(test)
        self.send("start", test)

    def begin_body(self) -> None:
        """Note that the set-up of the running test is over: resources opened from now on belong to the test."""
        if self._run.seed is None:
            self._leftovers.open()

    def phase(self, name: str) -> None:
        """Report that a phase of the running test ended."""
        self.send("phase", name)

    def add(self, result: str, describe: Callable[[], dict[str, Any]] = dict) -> None:
        """Take a result of the running test; there may be several."""
        if result != "passed" or not self._run.results:
            self._run.results.append({"result": result, **describe()})

    def next_order(self) -> bool:
        """Have the running test run once more, under another order of steps; false if it has run under all."""
        run = self._run
        if not self._open or not self._orders:
            return False
        if run.native is None:
            self._keep_native()
            run.left_orders = list(self._orders) if run.is_fit else []
        else:
            run.count_order()
        if not run.left_orders:
            return False
        run.seed = run.left_orders.pop(0)
        run.results = []
        self._in_force.order(run.seed)
        self.send("order", run.seed)
        return True

    def end(self) -> None:
        """Report the end of the running test with the worst of its results, and all of them."""
        if not self._open:
            return
        run = self._run
        if run.native is None:
            self._keep_native()
        if run.seed is not None:
            self._in_force.order(None)
        assert run.native is not None
        self.send("end", {"test": self._open, **run.native, "reordered": run.describe_orders()})
        self._open = ""

    def _keep_native(self) -> None:
        run = self._run
        left = self._leftovers.close()
        run.native = {
            "seconds": time.monotonic() - run.begun,
            "wanted": self._in_force.wanted,
            "ran": self._in_force.take_schedulers(),
            "made": self._in_force.made - run.made,
            "worst": run.worst,
            "all": [each["result"] for each in run.results] if len(run.results) > 1 else [],
            "left": left,
            "warnings": self._leftovers.warnings,
        }


class _TestRun:
    """The results of the running test, in its own order of steps and under others."""

    def __init__(self, made: int = 0) -> None:
        self.made = made
        self.begun = time.monotonic()
        self.results: list[dict[str, Any]] = []
        self.native: dict[str, Any] | None = None
        self.seed: int | None = None
        self.left_orders: list[int] = []
        self._counted = 0
        self._failed = 0
        self._first: dict[str, Any] = {}
        self._refused = ""

    @property
    def worst(self) -> dict[str, Any]:
        """The worst result."""
        return max(self.results, key=lambda each: SEVERITY.index(each["result"]), default={"result": "passed"})

    @property
    def is_fit(self) -> bool:
        """Whether other orders are of interest: the test passes, and a scheduler in force ran in it."""
        native = self.native or {}
        return bool(native["wanted"] in native["ran"] and native["worst"]["result"] == "passed")

    def count_order(self) -> None:
        """Take the results under an order; seed 0 changes no order, and what fails with it cannot be asked."""
        worst = self.worst
        is_worse = worst["result"] != "passed"
        if not self.seed:
            if is_worse:
                self._refused, self.left_orders = f"{worst.get('type', '')}: {worst.get('message', '')}", []
            return
        self._counted += 1
        self._failed += is_worse
        if is_worse and not self._first:
            self._first = {"seed": self.seed, **worst}

    def describe_orders(self) -> dict[str, Any]:
        """Return how often the test ended worse under other orders, and the first of them."""
        if self._refused:
            return {"refused": self._refused}
        return {"asked": self._counted, "failed": self._failed, "first": self._first} if self._counted else {}
