"""Check the capabilities of a runtime: `python -P -m harness.worker.capabilities REFERENCE OPTIONS FD SKIP`.

A line of JSON for each event goes to the descriptor: the checks, the start of one, its end with the gap found. Each
check is tried in turn, so that the parent knows which one has not ended.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Sequence

from harness.api import CapabilityCheck

UNAVAILABLE = "unavailable"
"""The event of a runtime that cannot be imported."""


def run_checks(reference: str, options: dict[str, str], fd: int, skip: int) -> None:
    """Try the checks from the number `skip` on and report each."""
    try:
        module, _, function = reference.partition(":")
        checks: Sequence[CapabilityCheck] = getattr(importlib.import_module(module), function)(options)
    except BaseException as exc:  # noqa: BLE001 - whatever the import of a runtime raises, it is not available
        _report(fd, {UNAVAILABLE: _describe(exc)})
        return
    _report(fd, {"checks": [[check.name, check.is_essential, list(check.gates)] for check in checks]})
    for check in checks[skip:]:
        _report(fd, {"begins": check.name})
        _report(fd, {"ends": check.name, "gap": _try(check)})
    sys.stdout.flush()
    os._exit(0)  # threads of a broken runtime must not hold up the end


def _try(check: CapabilityCheck) -> str:
    try:
        return check.run()
    except BaseException as exc:  # noqa: BLE001 - SystemExit and KeyboardInterrupt are results as well
        return _describe(exc)


def _describe(exc: BaseException) -> str:
    if isinstance(exc, TimeoutError) and not str(exc):
        return "does not end"
    first = (str(exc).strip() or "no message").splitlines()[0]
    return f"{type(exc).__name__}: {first}"


def _report(fd: int, event: dict[str, object]) -> None:
    os.write(fd, json.dumps(event).encode() + b"\n")


if __name__ == "__main__":
    run_checks(sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
