"""Reports of a test runner to the runner of the run, each written when it happens."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from harness.api import InForce
from harness.model.outcome import Observed
from harness.worker.channel import Pipe

SEVERITY = ("passed", "xfailed", "skipped", "xpassed", "error in teardown", "error in set-up", "failed")
"""Results of a test, the worst last."""
ROLE = "main"
_IDS_AT_ONCE = 500


class Reporter:
    """Sends the records of a batch: which tests there are, and the start, the results and the end of each."""

    def __init__(self, pipe: Pipe, in_force: InForce) -> None:
        self._send_message = pipe.send
        self._in_force = in_force
        self._started = time.monotonic()
        self._open = ""
        self._begun = 0.0
        self._results: list[dict[str, Any]] = []
        self.seen: set[str] = set()

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
        self._open, self._begun, self._results = test, time.monotonic(), []
        self.seen.add(test)
        self.send("start", test)

    def phase(self, name: str) -> None:
        """Report that a phase of the running test ended."""
        self.send("phase", name)

    def add(self, result: str, describe: Callable[[], dict[str, Any]] = dict) -> None:
        """Take a result of the running test; there may be several."""
        if result != "passed" or not self._results:
            self._results.append({"result": result, **describe()})

    def end(self) -> None:
        """Report the end of the running test with the worst of its results, and all of them."""
        worst = max(self._results, key=lambda each: SEVERITY.index(each["result"]), default={"result": "passed"})
        self.send(
            "end",
            {
                "test": self._open,
                "seconds": time.monotonic() - self._begun,
                "wanted": self._in_force.wanted,
                "ran": self._in_force.take_schedulers(),
                "worst": worst,
                "all": [each["result"] for each in self._results] if len(self._results) > 1 else [],
            },
        )
        self._open = ""
