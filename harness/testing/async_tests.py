"""Async tests of a library or an application, each run as a cell: in a process of its own, on a backend.

A test is a coroutine function without arguments, or such a method of a class. Its body is in the runtime's own words,
so that nothing of it knows harness.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import msgspec

from harness.api import Parameter, Probe, Runtime, Scenario
from harness.execute import execute
from harness.model import CellFinished, CellResult, Outcome, Request, RunEvent
from harness.plan import make_plan, parse_spec
from harness.plugins import Catalogue

_CALL = "    await found()\n"
"""The line of a traceback behind which the frames of the test begin."""
_NOT_ASKED = (Outcome.UNSUPPORTED, Outcome.UNAVAILABLE, Outcome.INVALID_ENV, Outcome.NOT_RUN)


async def run_test(_runtime: Runtime, probe: Probe) -> None:
    """Import the file of a test and await its function."""
    path = Path(probe.parameters["file"])
    sys.path.insert(0, str(path.parent))  # as pytest does, so that the file finds its neighbours
    declared = importlib.util.spec_from_file_location(path.stem, path)
    assert declared is not None
    assert declared.loader is not None
    module = importlib.util.module_from_spec(declared)
    sys.modules[path.stem] = module
    declared.loader.exec_module(module)
    found: Any = module
    for name in str(probe.parameters["test"]).split("."):
        found = getattr(found() if inspect.isclass(found) else found, name)
    await found()


ASYNC_TEST = Scenario(
    name="async-test",
    question="Does the test pass?",
    contract=("The test passes and leaves nothing behind.",),
    ref="harness.testing.async_tests:ASYNC_TEST",
    roles={"main": run_test},
    parameters=(
        Parameter(name="file", default="", summary="path of the test's file"),
        Parameter(name="test", default="", summary="name of the function, or Class.method"),
    ),
    judges={},
    headline="",
    rows={},
    forkable=False,
)
"""What runs an async test: a scenario of one role, whose parameters name the test."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a test on a backend."""

    failure: str = ""
    """Why it failed, with the traceback or the autopsy; empty if it passed."""
    not_asked: str = ""
    """Why it could not be run there."""


def run_async_test(path: Path, test: str, spec: str, catalogue: Catalogue, hang_after: float) -> Verdict:
    """Run one test on one backend.

    Raises:
        UsageError: there is no such backend.
    """
    scenario = msgspec.structs.replace(ASYNC_TEST, hang_after=hang_after, timeout=20 * hang_after)
    known = msgspec.structs.replace(catalogue, scenarios={scenario.name: scenario})
    backend = str(parse_spec(spec, catalogue))
    parameters = (("file", str(path)), ("test", test))
    request = Request(backends=(backend,), scenarios=(scenario.name,), parameters=parameters, preset="")
    with TemporaryDirectory(prefix="harness-test-") as folder:
        stage = cast("Generator[RunEvent, None, None]", execute(make_plan(request, known), known, Path(folder)))
        with closing(stage):
            (result,) = (event.result for event in stage if isinstance(event, CellFinished))
        return _judge(result, Path(folder))


def _judge(result: CellResult, folder: Path) -> Verdict:
    if result.outcome in _NOT_ASKED:
        return Verdict(not_asked=f"{result.outcome}: {result.reason}")
    lines = list(_describe(result))
    if not lines:
        return Verdict()
    printed = "".join(path.read_text(errors="replace") for path in sorted(folder.rglob("*.std*")))
    return Verdict(failure="\n".join([*lines, *([f"printed:\n{printed}"] if printed else [])]))


def _describe(result: CellResult) -> Iterator[str]:
    if result.outcome is not Outcome.COMPLETED:
        yield f"{result.outcome}: {result.reason}"
    for role in result.roles:
        if role.error is not None:
            yield role.error.traceback.rpartition(_CALL)[2]
        yield from (f"left behind: {leak}" for leak in role.leaks)
        for lost in role.unhandled:
            yield f"error that no task awaited: {lost.error.message if lost.error else lost.context}"
        if role.autopsy is not None:
            yield f"{role.autopsy.diagnosis}: {'; '.join(role.autopsy.reasons)}"
            yield from role.autopsy.tasks
