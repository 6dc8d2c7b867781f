"""Run the clauses of the Runtime contract on a backend: `python -m harness.testing.contract MODULE:CLASS [key=value]`.

The clauses of a backend run one after another in a process of their own, each on a fresh runtime, and their results
are lines of JSON. A clause that hangs is named, its process is ended, and the rest runs in the next one.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from harness.api import Runtime

from .clauses import CLAUSES, Clause

LIMIT = 20.0
"""Seconds that a clause may take."""

__all__ = ["CLAUSES", "ClauseResult", "run_clauses"]


class ClauseResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a clause; `error` is empty if it holds."""

    clause: str
    error: str = ""
    unhandled: tuple[str, ...] = ()


def run_clauses(runner: str, options: Mapping[str, str], clauses: Sequence[Clause]) -> Iterator[ClauseResult]:
    """Run clauses on the backend whose runner is `"module:Class"` and yield a result for each, in order.

    Raises:
        ImportError: the runner cannot be imported; the message is the worker's.
    """
    left = [clause.name for clause in clauses]
    while left:
        for result in _run_until_stuck(runner, options, left):
            left.remove(result.clause)
            yield result


def _run_until_stuck(runner: str, options: Mapping[str, str], names: Sequence[str]) -> Iterator[ClauseResult]:
    command = [
        sys.executable,
        "-P",
        "-m",
        "harness.testing.contract",
        runner,
        *(f"{key}={value}" for key, value in options.items()),
    ]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(list(names)))
        process.stdin.close()
        left = list(names)
        try:
            while left:
                ready, _, _ = select.select([process.stdout], [], [], LIMIT)
                line = process.stdout.readline() if ready else ""
                if not line:
                    yield ClauseResult(clause=left[0], error=_why_silent(process, hung=not ready))
                    return
                result = msgspec.json.decode(line, type=ClauseResult)
                left.remove(result.clause)
                yield result
        finally:
            process.kill()


def _why_silent(process: subprocess.Popen[str], *, hung: bool) -> str:
    if hung:
        return f"did not end within {LIMIT:g} s"
    assert process.stderr is not None
    words = process.stderr.read().strip()
    process.wait()
    if "cannot import the runner" in words:
        raise ImportError(words.splitlines()[-1])
    return f"the process ended with {process.returncode}: {words[-2000:]}"


def _main(arguments: Sequence[str]) -> None:
    """Run the clauses named on stdin; a line for each on what was stdout, which the clauses cannot reach."""
    results = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    module, _, name = arguments[0].partition(":")
    try:
        runner_class = getattr(importlib.import_module(module), name)
    except Exception as exc:  # noqa: BLE001 - whatever the import of a runtime raises
        sys.exit(f"cannot import the runner {arguments[0]}: {type(exc).__name__}: {exc}")
    options = dict(argument.split("=", 1) for argument in arguments[1:])
    by_name = {clause.name: clause for clause in CLAUSES}
    for wanted in json.load(sys.stdin):
        result = _check(runner_class, options, by_name[wanted])
        results.write(msgspec.json.encode(result).decode() + "\n")
    results.flush()
    os._exit(0)  # a clause may have left a thread behind


def _check(runner_class: Any, options: Mapping[str, str], clause: Clause) -> ClauseResult:
    unhandled: list[str] = []
    reached: list[str] = []

    async def main(runtime: Runtime) -> None:
        await clause.check(runtime)
        reached.append("the end")

    def report(exc: BaseException | None, context: str) -> None:
        unhandled.append(f"{context}: {exc!r}")

    error = ""
    try:
        runner_class(options).run(main, report)
    except BaseException as exc:  # noqa: BLE001 - whatever it raises is the clause's result
        error = "".join(traceback.format_exception(exc))
    if not error and not reached:
        error = "the check did not reach its end, and nothing was raised"
    return ClauseResult(clause=clause.name, error=error, unhandled=tuple(unhandled))


if __name__ == "__main__":
    _main(sys.argv[1:])
