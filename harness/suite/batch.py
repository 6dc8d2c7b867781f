"""One worker process that runs a batch of tests, watched as the process of a cell is."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from harness.api import Backend
from harness.execute.cell.disturbed import NoiseRepeats
from harness.execute.cell.run import CellRun
from harness.model import (
    BackendSpec,
    Cell,
    CellObserved,
    CellResult,
    NothingSelectedError,
    Outcome,
    RoleBackend,
    RunEvent,
    Suite,
    UsageError,
)
from harness.model.run import CellFinished
from harness.plugins import Catalogue

from .tests import make_test

_NAME = "batch"
_LIMITS = (("cpu", 86400), ("output", 256 << 20))
_MOST_SECONDS = 86400.0


def run_batch(
    suite: Suite, tests: tuple[str, ...] | None, spec: BackendSpec, catalogue: Catalogue, folder: Path, number: int
) -> Generator[RunEvent, None, None]:
    """Run tests of a suite on a backend in a process, and yield the events of that process.

    Args:
        suite: of the tests.
        tests: their ids; `None` collects.
        spec: of the backend.
        catalogue: has the backend.
        folder: of the run; evidence goes below it.
        number: of the batch, for the name of its evidence.
    """
    file = folder / f"{_NAME}-{number}.json"
    family = family_of(catalogue.backend_of(spec))
    job = {"suite": msgspec.to_builtins(suite) | {"family": family}, "tests": tests}
    file.write_bytes(msgspec.json.encode(job))
    # Nothing samples it while it runs, as where one thread computes: a test may count the signals that arrive.
    scenario = replace(make_test(_NAME, suite.hang_after), ref=str(file.resolve()), cpu_bound=True)
    cell = Cell(
        scenario=_NAME,
        roles=(RoleBackend("main", spec),),
        round=number,
        timeout=_MOST_SECONDS,
        hang_after=suite.hang_after,
        limits=_LIMITS,
    )
    attempts = NoiseRepeats(cell, scenario, catalogue.backend_of)
    try:
        yield from CellRun(cell, scenario, catalogue.backend_of, folder, attempts, catalogue.environments).events()
    finally:
        file.unlink(missing_ok=True)


def family_of(backend: Backend) -> str:
    """Return the runtime that a backend is, or is built on."""
    return backend.derives_from or backend.name


def collect(suite: Suite, spec: BackendSpec, catalogue: Catalogue, folder: Path) -> Suite:
    """Return the suite with its tests, as a worker process of a backend finds them.

    Raises:
        NothingSelectedError: there is no test.
        UsageError: the suite cannot be collected.
    """
    files: dict[str, str] = {}
    config: dict[str, Any] = {}
    reason, is_broken = "", False
    for event in run_batch(suite, None, spec, catalogue, folder, 0):
        if isinstance(event, CellObserved):
            value = getattr(event.observation, "value", None)
            match getattr(event.observation, "key", ""), value:
                case "collected", list():
                    files.update(dict(value))
                case "config", dict():
                    config = value | {"changes": tuple(value["changes"])}
        elif isinstance(event, CellFinished):
            is_broken = event.result.outcome is not Outcome.COMPLETED
            reason = describe_refusal(event.result, folder)
    if reason and (not files or is_broken):
        raise UsageError(f"the suite could not be asked on {spec}: {reason}")
    if not files:
        raise NothingSelectedError(f"no test is found in {' '.join(suite.targets)}")
    return replace(suite, files={name: _from_here(file) for name, file in files.items()}, **config)


def describe_refusal(result: CellResult, folder: Path) -> str:
    """Return why a process ran no test, with the first error that its runner printed if it has only an exit code."""
    try:
        printed = (folder / result.evidence / "main.stderr").read_text(errors="replace") if result.evidence else ""
    except OSError:
        printed = ""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    first = next((line for line in lines if line.startswith(("ERROR", "E  "))), lines[-1] if lines else "")
    is_explained = "exit code" not in result.reason
    return result.reason if is_explained or not first else f"{result.reason}: {first.removeprefix('ERROR: ')[:300]}"


def _from_here(file: str) -> str:
    """Return the path of a file relative to the current folder, if it is below that."""
    relative = os.path.relpath(file) if file else ""
    return file if relative.startswith("..") else relative
