"""Run one role: import, attest, run the scenario on the runtime, report the end."""

from __future__ import annotations

import faulthandler
import gc
import importlib
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

from harness.api import BackendRunner, RoleFunction, Runtime, Scenario
from harness.model.outcome import Attestation, Outcome
from harness.wire import Ended, Ready, WorkerJob

from .channel import Pipe, decode_job, map_progress
from .errors import UnhandledCollector, describe_error
from .ledger import Ledger
from .probe import WorkerProbe

DUMP_SIGNAL = signal.SIGUSR1
"""Makes a worker write the stacks of all threads, also while something holds the GIL."""


class _WrongBackendError(Exception):
    """The attestation does not hold, so the scenario is not run."""


def run_role(job_text: str) -> None:
    """Run the role that the job describes and report its end; never raises what the scenario raised."""
    job: WorkerJob = decode_job(job_text)
    faulthandler.register(DUMP_SIGNAL, file=job.stacks_fd, all_threads=True, chain=False)
    os.set_inheritable(job.stacks_fd, False)
    pipe = Pipe(job.report_fd, job.order_fd)
    progress = map_progress(job.progress_fd)
    unhandled = UnhandledCollector(pipe)
    unhandled.install()
    pipe.send(_run(job, pipe, progress, unhandled))


def _run(job: WorkerJob, pipe: Pipe, progress: memoryview, unhandled: UnhandledCollector) -> Ended:
    try:
        runner_class = _load(job.runner)
    except BaseException as exc:  # noqa: BLE001 - whatever the import of a runtime raises, it is not available
        return Ended(outcome=Outcome.UNAVAILABLE, reason=_one_line(exc), error=describe_error(exc))
    try:
        scenario: Scenario = _load(job.scenario)
        function: RoleFunction = _load(job.own_implementation) if job.own_implementation else scenario.roles[job.role]
        parameters = {parameter.name: parameter.default for parameter in scenario.parameters}
        parameters |= dict(job.cell.parameters)
    except BaseException as exc:  # noqa: BLE001 - the host could load it, so this is about the worker's environment
        return Ended(outcome=Outcome.INVALID_ENV, reason=_one_line(exc), error=describe_error(exc))
    return _run_on(runner_class, function, job, pipe, progress, parameters, unhandled)


def _run_on(
    runner_class: type[BackendRunner],
    function: RoleFunction,
    job: WorkerJob,
    pipe: Pipe,
    progress: memoryview,
    parameters: Mapping[str, Any],
    unhandled: UnhandledCollector,
) -> Ended:
    async def main(runtime: Runtime) -> None:
        attestation = _attest(runtime, runner.expected_scheduler, job.distributions)
        pipe.send(Ready(attestation=attestation))
        if not attestation.holds:
            raise _WrongBackendError(f"asked for {attestation.expected}, got {attestation.scheduler}")
        probe = WorkerProbe(
            runtime=runtime,
            pipe=pipe,
            progress=progress,
            role=job.role,
            peers=frozenset(other.role for other in job.cell.roles if other.role != job.role),
            parameters=parameters,
            seed=job.cell.seed,
        )
        gc.collect()
        gc.freeze()
        gc.enable()
        ledger.open(runtime)
        await function(runtime, probe)
        await ledger.close_tasks(runtime)

    ledger = Ledger()
    try:
        options = next(assigned.backend.options for assigned in job.cell.roles if assigned.role == job.role)
        runner = runner_class(dict(options))
        runner.run(main, unhandled)
    except _WrongBackendError as exc:
        return Ended(outcome=Outcome.WRONG_BACKEND, reason=str(exc))
    except ImportError as exc:
        # A backend may import what an option names (`loop=...`) only when it runs.
        outcome = Outcome.RAISED if _reached_scenario(exc, function) else Outcome.UNAVAILABLE
        return Ended(outcome=outcome, reason=_one_line(exc), error=describe_error(exc))
    except BaseException as exc:  # noqa: BLE001 - SystemExit and KeyboardInterrupt are results as well
        return Ended(outcome=Outcome.RAISED, reason=_one_line(exc), error=describe_error(exc))
    finally:
        gc.collect()  # a task that died alone reports it when it is collected
    return Ended(outcome=Outcome.COMPLETED, leaks=ledger.leaks())


def _attest(runtime: Runtime, expected: str, distributions: tuple[str, ...]) -> Attestation:
    kind = type(runtime.scheduler())
    return Attestation(
        scheduler=f"{kind.__module__}.{kind.__qualname__}",
        expected=expected,
        python=".".join(map(str, sys.version_info[:3])),
        implementation=sys.implementation.name,
        gil=getattr(sys, "_is_gil_enabled", lambda: True)(),
        versions={name: _version(name) for name in distributions},
    )


def _version(distribution: str) -> str:
    # The module's own word costs nothing; scanning the installed distributions costs more than starting Python.
    module = sys.modules.get(distribution.replace("-", "_"))
    return str(getattr(module, "__version__", "?"))


def _reached_scenario(exc: BaseException, function: RoleFunction) -> bool:
    code = getattr(function, "__code__", None)
    trace = exc.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code is code:
            return True
        trace = trace.tb_next
    return False


def _load(reference: str) -> Any:
    module, _, attribute = reference.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _one_line(exc: BaseException) -> str:
    first = (str(exc).strip() or "no message").splitlines()[0]
    return f"{type(exc).__name__}: {first}"
