"""Run the clauses of the Runtime contract on a backend: `python -m harness.testing.contract MODULE:CLASS [key=value]`.

The clauses of a backend run one after another in a process of their own, each on a fresh runtime, and their results
are lines of JSON. A clause that hangs is named, its process is ended, and the rest runs in the next one.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from tempfile import TemporaryFile
from threading import Thread
from typing import IO

import msgspec

from harness.api import Backend, BackendRunner, Offer, Runtime, Support

from .clauses import CLAUSES, Clause

LIMIT = 20.0
"""Seconds that a clause may take."""
_GRACE = 2.0
"""Seconds that a process has to end itself, with the stacks of its threads, before it is killed without them."""
_NO_RUNNER = 3
"""Exit code of a process that could not import its runner."""

__all__ = ["CLAUSES", "LIMIT", "ClauseResult", "lacking", "run_clause", "run_clauses"]


class ClauseResult(msgspec.Struct, frozen=True, kw_only=True):
    """Outcome of a clause; `clause` is its name, `error` is empty if it holds."""

    clause: str
    error: str = ""
    unhandled: tuple[str, ...] = ()
    """Errors that the runtime reported because no task awaited them."""


class _Job(msgspec.Struct, frozen=True, kw_only=True):
    """Input of a process on its stdin: names of clauses, and the limit of each in seconds."""

    clauses: list[str]
    limit: float


def lacking(backend: Backend, clause: Clause) -> Offer | None:
    """Return the offer of the first capability that a clause needs and that is absent, if there is one."""
    offers = (backend.offer(capability) for capability in clause.requires)
    return next((offer for offer in offers if offer.support is Support.ABSENT), None)


def run_clauses(
    runner: str, options: Mapping[str, str], clauses: Sequence[Clause], *, limit: float = LIMIT
) -> Iterator[ClauseResult]:
    """Run clauses on a backend and yield a result for each, in order.

    Args:
        runner: `"module:Class"` of its `BackendRunner`, as in its declaration.
        options: The options of the backend spec.
        clauses: Names to run; a clause that needs a capability declared absent must not be among them.
        limit: Seconds that each may take.

    Raises:
        ImportError: the runner cannot be imported; the message is the worker's.
    """
    left = [clause.name for clause in clauses]
    while left:
        for result in _run_until_stuck(runner, options, _Job(clauses=list(left), limit=limit)):
            left.remove(result.clause)
            yield result


def run_clause(runner_factory: Callable[[], BackendRunner], clause: Clause, timeout: float) -> ClauseResult:
    """Run one clause in this process, which is *ended* if that takes longer than `timeout` seconds.

    Nothing else ends a clause that blocks its scheduler. The stacks of all threads go to stderr before that.
    """
    unhandled: list[str] = []
    reached: list[str] = []
    error = ""
    faulthandler.dump_traceback_later(timeout, exit=True)
    try:
        runner = runner_factory()

        async def main(runtime: Runtime) -> None:
            await (clause.check(runtime, runner) if clause.with_runner else clause.check(runtime))
            reached.append("the end")

        runner.run(main, lambda exc, context: unhandled.append(f"{context}: {exc!r}"))
    except BaseException as exc:  # noqa: BLE001 - whatever it raises is the clause's result
        error = "".join(traceback.format_exception(exc))
    finally:
        faulthandler.cancel_dump_traceback_later()
    if not error and not reached:
        error = "the check did not reach its end, and nothing was raised"
    return ClauseResult(clause=clause.name, error=error, unhandled=tuple(unhandled))


def _run_until_stuck(runner: str, options: Mapping[str, str], job: _Job) -> Iterator[ClauseResult]:
    command = [sys.executable, "-P", "-m", "harness.testing.contract", runner]
    command += [f"{key}={value}" for key, value in options.items()]
    # A file, because a pipe without a reader would stop a backend that writes a lot.
    with (
        TemporaryFile() as words,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words, start_new_session=True
        ) as process,
    ):
        try:
            yield from _results(process, job, words)
        finally:
            _end(process)


def _results(process: subprocess.Popen[bytes], job: _Job, words: IO[bytes]) -> Iterator[ClauseResult]:
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it has ended already, and reports why
        process.stdin.write(msgspec.json.encode(job))
        process.stdin.close()
    lines = _lines(process)
    left = list(job.clauses)
    while left:
        try:
            line = lines.get(timeout=job.limit + _GRACE)
        except Empty:
            yield ClauseResult(clause=left[0], error=f"did not end within {job.limit:g} s")
            return
        if not line:
            yield ClauseResult(clause=left[0], error=_why_ended(process, job, words))
            return
        result = msgspec.json.decode(line, type=ClauseResult)
        left.remove(result.clause)
        yield result


def _lines(process: subprocess.Popen[bytes]) -> SimpleQueue[bytes]:
    """Read stdout in a thread: each line as it comes, then `b""`."""
    lines: SimpleQueue[bytes] = SimpleQueue()
    stdout = process.stdout
    assert stdout is not None

    def read() -> None:
        for line in stdout:
            lines.put(line)
        lines.put(b"")

    Thread(target=read, daemon=True).start()
    return lines


def _why_ended(process: subprocess.Popen[bytes], job: _Job, words: IO[bytes]) -> str:
    code = process.wait()
    words.seek(0)
    said = words.read().decode(errors="replace").strip()
    if code == _NO_RUNNER:
        raise ImportError(said.splitlines()[-1])
    _, timed_out, stacks = said.rpartition("Timeout (")  # as faulthandler begins
    if timed_out:
        return f"did not end within {job.limit:g} s; its threads, innermost call first:\n{stacks}"
    return f"the process ended with {code}: {said[-2000:]}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and its children (workers of a process pool): it leads a session of its own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def _main(arguments: Sequence[str]) -> None:
    """Run the clauses named on stdin; a line for each on the original stdout, which the clauses cannot reach."""
    results = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    module, _, name = arguments[0].partition(":")
    try:
        runner_class = getattr(importlib.import_module(module), name)
    except Exception as exc:  # noqa: BLE001 - whatever the import of a runtime raises
        sys.stderr.write(f"cannot import the runner {arguments[0]}: {type(exc).__name__}: {exc}\n")
        sys.exit(_NO_RUNNER)
    options = dict(argument.split("=", 1) for argument in arguments[1:])
    by_name = {clause.name: clause for clause in CLAUSES}
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=_Job)
    for wanted in job.clauses:
        result = run_clause(lambda: runner_class(options), by_name[wanted], job.limit)
        results.write(msgspec.json.encode(result).decode() + "\n")
    results.flush()
    os._exit(0)  # a clause may have left a thread behind


if __name__ == "__main__":
    _main(sys.argv[1:])
