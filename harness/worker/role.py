"""Run one role: import, attest, run the scenario on the runtime, report the end."""

from __future__ import annotations

import faulthandler
import gc
import importlib
import os
import signal
import sys
from typing import Any

from harness.api import ENDING, BackendRunner, RoleFunction, Runtime, Scenario, UnsupportedError
from harness.model.outcome import Attestation, Observed, Outcome
from harness.wire import TASKS_BEGIN, TASKS_END, Ended, Ready, WorkerJob, decode_line

from .channel import Pipe, map_progress
from .errors import UnhandledCollector, describe_ending, describe_error
from .ledger import Ledger
from .probe import WorkerProbe

DUMP_SIGNAL = signal.SIGUSR1
"""Makes a worker write the stacks of all threads, also while something holds the GIL."""


TASKS_SIGNAL = signal.SIGUSR2
"""Makes a worker write what its runtime knows of its tasks, if the interpreter runs."""


class _WrongBackendError(Exception):
    """The attestation does not hold, so the scenario is not run."""


def run_role(job_text: str) -> None:
    """Run the role that the job describes and report its end; never raises what the scenario raised."""
    job: WorkerJob = decode_line(job_text.encode(), WorkerJob)
    faulthandler.register(DUMP_SIGNAL, file=job.stacks_fd, all_threads=True, chain=False)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are started ignoring it
    signal.signal(TASKS_SIGNAL, signal.SIG_IGN)  # until there is a runtime to ask
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
        role = _Role(job, scenario, pipe, progress)
    except BaseException as exc:  # noqa: BLE001 - the host could load it, so this is about the worker's environment
        return Ended(outcome=Outcome.INVALID_ENV, reason=_one_line(exc), error=describe_error(exc))
    return role.run(runner_class, unhandled)


def dump_tasks_on_signal(runtime: Runtime, fd: int) -> None:
    """Have the runtime's tasks written to a file when the runner asks; it does so while the interpreter can answer."""

    def dump(_number: int, _frame: object) -> None:
        text = "".join(f"{line}\n" for line in runtime.dump_tasks())
        os.write(fd, f"\n{TASKS_BEGIN}{text}{TASKS_END}".encode(errors="replace"))

    signal.signal(TASKS_SIGNAL, dump)


class _Role:
    """One role's function, and the run of it."""

    def __init__(self, job: WorkerJob, scenario: Scenario, pipe: Pipe, progress: memoryview) -> None:
        self._job = job
        self._pipe = pipe
        self._progress = progress
        self._ledger = Ledger()
        self._asks_ending = ENDING in scenario.judges
        self._function: RoleFunction = (
            _load(job.own_implementation) if job.own_implementation else scenario.roles[job.role]
        )
        defaults = {parameter.name: parameter.default for parameter in scenario.parameters}
        self._parameters = defaults | job.parameters
        self._reached = False
        """Whether the scenario has started, so that what is raised is about it."""

    def run(self, runner_class: type[BackendRunner], unhandled: UnhandledCollector) -> Ended:
        """Run the role on its runtime to its end."""
        raised: BaseException | None = None
        try:
            self._runner = runner_class(self._job.options)
            self._runner.run(self._main, unhandled)
        except BaseException as exc:  # noqa: BLE001 - SystemExit and KeyboardInterrupt are results as well
            raised = exc
        gc.collect()  # a task that died alone reports it when it is collected, and what was dropped closes its fds
        ended = self._completed() if raised is None or self._is_answer(raised) else self._failed(raised)
        if self._asks_ending and ended.outcome is Outcome.COMPLETED:
            self._pipe.send(Observed(role=self._job.role, key=ENDING, value=describe_ending(raised), at=0.0))
        return ended

    def _is_answer(self, exc: BaseException) -> bool:
        return self._asks_ending and self._reached and not isinstance(exc, _WrongBackendError)

    def _completed(self) -> Ended:
        return Ended(outcome=Outcome.COMPLETED, leaks=() if self._asks_ending else self._ledger.leaks())

    def _failed(self, exc: BaseException) -> Ended:
        if isinstance(exc, _WrongBackendError):
            return Ended(outcome=Outcome.WRONG_BACKEND, reason=str(exc))
        outcome = Outcome.RAISED
        if not self._reached:
            # A backend may import what an option names (`loop=...`), and learn what that lacks, only when it runs.
            kinds = {ImportError: Outcome.UNAVAILABLE, UnsupportedError: Outcome.UNSUPPORTED}
            outcome = next((kinds[kind] for kind in kinds if isinstance(exc, kind)), Outcome.RAISED)
        return Ended(outcome=outcome, reason=_one_line(exc), error=describe_error(exc))

    async def _main(self, runtime: Runtime) -> None:
        attestation = _attest(runtime, self._runner.expected_scheduler, self._job.distributions)
        self._pipe.send(Ready(attestation=attestation))
        if not attestation.holds:
            raise _WrongBackendError(f"asked for {attestation.expected}, got {attestation.scheduler}")
        probe = WorkerProbe(
            runtime=runtime,
            pipe=self._pipe,
            progress=self._progress,
            role=self._job.role,
            peers=frozenset(self._job.peers),
            parameters=self._parameters,
            seed=self._job.seed,
        )
        gc.collect()
        gc.freeze()
        gc.enable()
        disturbed = runtime
        if self._job.perturb:
            from .perturb import disturb  # a cell that is left alone never needs it

            disturbed = disturb(runtime, self._job.perturb)
        self._ledger.open(runtime)
        dump_tasks_on_signal(runtime, self._job.stacks_fd)
        self._reached = True
        await self._function(disturbed, probe)
        await self._ledger.close_tasks(runtime)


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


def _load(reference: str) -> Any:
    module, _, attribute = reference.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _one_line(exc: BaseException) -> str:
    first = (str(exc).strip() or "no message").splitlines()[0]
    return f"{type(exc).__name__}: {first}"
