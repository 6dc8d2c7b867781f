"""Process of a batch of tests: `python -P -X faulthandler -m harness.suite.worker JOB`, with the job as JSON.

The backend is in force before the suite's runner is imported. Output of the runner is the process's own output.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from harness.api import InForce, UnsupportedError
from harness.model.outcome import FORMAT, Attestation, Outcome
from harness.wire import INSPECTION, Ended, Ready, WorkerJob, decode_line, encode_line
from harness.worker.channel import Pipe, map_progress
from harness.worker.errors import describe_error
from harness.worker.role import TASKS_SIGNAL
from harness.worker.stacks import write_all_stacks, write_stacks_on_signal

from .reporter import Reporter


def run_batch(job_text: str) -> None:
    """Run the batch that the job describes and report its end."""
    job: WorkerJob = decode_line(job_text.encode(), WorkerJob)
    write_stacks_on_signal(job.stacks_fd)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are started ignoring it
    signal.signal(TASKS_SIGNAL, lambda _number, frame: write_all_stacks(job.stacks_fd, frame))
    os.set_inheritable(job.stacks_fd, False)
    pipe = Pipe(job.report_fd, job.order_fd)
    page = map_progress(job.progress_fd)
    pipe.send(_run(job, pipe))
    del page  # mapped until here: the runner reads the pid of the worker from it


def _run(job: WorkerJob, pipe: Pipe) -> Ended:
    try:
        in_force: InForce = _load(job.in_force)(job.options)
    except UnsupportedError as exc:
        return Ended(outcome=Outcome.UNSUPPORTED, reason=str(exc))
    except BaseException as exc:  # noqa: BLE001 - whatever the import of a runtime raises, it is not available
        return Ended(outcome=Outcome.UNAVAILABLE, reason=f"{type(exc).__name__}: {exc}", error=describe_error(exc))
    pipe.send(Ready(attestation=_attest(in_force, job.distributions)))
    _describe_tasks_on_signal(in_force, job.stacks_fd)
    batch = json.loads(Path(job.scenario).read_text(encoding="utf-8"))
    suite, tests = batch["suite"], batch["tests"]
    sys.path.insert(0, str(Path.cwd()))  # as `python -m pytest` and `python -m unittest` do
    sys.argv[:] = [suite["runner"], *suite["targets"]]
    try:
        reporter = Reporter(pipe, in_force, _list_orders(suite))
        problem = _run_tests(suite, None if tests is None else frozenset(tests), reporter)
    except BaseException as exc:  # noqa: BLE001 - SystemExit of a module that is imported is a result as well
        return Ended(outcome=Outcome.RAISED, reason=f"{type(exc).__name__}: {exc}", error=describe_error(exc))
    return Ended(outcome=Outcome.RAISED if problem else Outcome.COMPLETED, reason=problem)


def _list_orders(suite: dict[str, Any]) -> tuple[int, ...]:
    """Return the seeds of the orders of steps; 0 comes first, which changes none."""
    if seed := suite["replay"]:
        return (0, seed)
    return tuple(range(suite["schedules"] + 1)) if suite["schedules"] else ()


def _run_tests(suite: dict[str, Any], tests: frozenset[str] | None, reporter: Reporter) -> str:
    if suite["runner"] == "unittest":
        from .unittest_runner import run_unittest

        return run_unittest(suite, tests, reporter)
    from .pytest_runner import run_pytest

    return run_pytest(suite, tests, reporter)


def _describe_tasks_on_signal(in_force: InForce, fd: int) -> None:
    """Have the tasks of the running scheduler written to a file when the runner asks."""
    started = time.monotonic()
    inspectors: list[Any] = []

    def describe(_number: int, frame: FrameType | None) -> None:
        if not inspectors:
            write_all_stacks(fd, frame)
            if (runtime := in_force.runtime()) is None:
                return
            from harness.worker.inspection import Inspector  # only a batch that is about to be ended needs it

            inspectors.append(Inspector(runtime, started))
        os.write(fd, INSPECTION.encode() + encode_line(inspectors[0].look(frame)))

    signal.signal(TASKS_SIGNAL, describe)


def _attest(in_force: InForce, distributions: tuple[str, ...]) -> Attestation:
    return Attestation(
        scheduler=in_force.wanted,
        expected=in_force.wanted,
        python=".".join(map(str, sys.version_info[:3])),
        implementation=sys.implementation.name,
        gil=getattr(sys, "_is_gil_enabled", lambda: True)(),
        versions={name: str(getattr(sys.modules.get(name), "__version__", "?")) for name in distributions},
        format=FORMAT,
    )


def _load(reference: str) -> Any:
    module, _, attribute = reference.partition(":")
    return getattr(importlib.import_module(module), attribute)


if __name__ == "__main__":
    run_batch(sys.argv[1])
