"""Try the capabilities of a backend in a process of its own, before any question is asked of it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from harness.api import Backend
from harness.model import CheckResult

from .posix import signal_group

_PATIENCE = 3.0
"""Seconds without an event after which a check counts as stuck; each has a limit of its own below that."""
LOADING = "loads"
"""The name of what fails where a runtime cannot be imported."""


def check_capabilities(backend: Backend, options: Mapping[str, str]) -> tuple[CheckResult, ...]:
    """Return the result of each check that a backend declares, up to an essential one that does not pass.

    A check that does not end, or that ends its process, is a gap; the next one is tried in a new process.
    """
    results: list[CheckResult] = []
    is_complete = False
    while not is_complete:
        trial = _Trial(backend.capability_checks, options, len(results))
        for result in trial.results():
            results.append(result)
            if result.gap and result.is_essential:
                return tuple(results)
        is_complete = len(results) >= trial.count
    return tuple(results)


class _Trial:
    """One process that tries the checks from a number on."""

    def __init__(self, reference: str, options: Mapping[str, str], skip: int) -> None:
        self.count = 0
        """How many checks there are."""
        self._is_stuck = False
        self._code = 0
        self._reads, writes = os.pipe()
        command = [sys.executable, "-P", "-X", "faulthandler", "-m", "harness.worker.capabilities"]
        command += [reference, json.dumps(dict(options)), str(writes), str(skip)]
        self._process = subprocess.Popen(
            command, pass_fds=[writes], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        os.close(writes)
        self._declared: dict[str, CheckResult] = {}

    def results(self) -> Iterator[CheckResult]:
        """Yield the result of each check; the process is gone behind it."""
        current = ""
        try:
            for event in self._events():
                if "unavailable" in event:
                    yield CheckResult(name=LOADING, gap=event["unavailable"], is_essential=True)
                    return
                if "checks" in event:
                    self._declare(event["checks"])
                current = event.get("begins", "")
                if "ends" in event:
                    yield self._result(event["ends"], event["gap"])
        finally:
            self._end()
        if current:
            yield self._result(current, self._how_it_ended)

    def _declare(self, checks: list[Any]) -> None:
        self.count = len(checks)
        self._declared = {
            name: CheckResult(name=name, is_essential=is_essential, gates=tuple(gates))
            for name, is_essential, gates in checks
        }

    def _result(self, name: str, gap: str) -> CheckResult:
        declared = self._declared[name]
        return CheckResult(name=name, gap=gap, is_essential=declared.is_essential, gates=declared.gates)

    def _events(self) -> Iterator[dict[str, Any]]:
        buffered, until = b"", time.monotonic() + _PATIENCE
        while select.select([self._reads], [], [], max(0.0, until - time.monotonic()))[0]:
            data = os.read(self._reads, 1 << 16)
            if not data:
                return
            *lines, buffered = (buffered + data).split(b"\n")
            yield from map(json.loads, lines)
            until = time.monotonic() + _PATIENCE
        self._is_stuck = True

    def _end(self) -> None:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.5 if not self._is_stuck else 0)  # one that has crashed has an exit code of its own
        signal_group(self._process.pid, signal.SIGKILL)
        self._code = self._process.wait()
        os.close(self._reads)

    @property
    def _how_it_ended(self) -> str:
        if self._is_stuck:
            return f"does not end within {_PATIENCE:g} s"
        return f"ends the process: {signal.Signals(-self._code).name if self._code < 0 else f'exit code {self._code}'}"
