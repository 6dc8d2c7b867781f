"""Run one role: import, attest, run the scenario on the runtime, report the end."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import Any

from harness.api import ENDING, BackendRunner, ErrorKind, RoleFunction, Runtime, Scenario, Subject, UnsupportedError
from harness.model.outcome import FORMAT, Attestation, Observed, Outcome, Resources
from harness.wire import INSPECTION, Ended, Ready, WorkerJob, decode_line, encode_line

from .channel import Pipe, map_progress
from .errors import UnhandledCollector, describe_ending, describe_error
from .headroom import open_headroom
from .ledger import Ledger
from .light_msgspec import standing_in
from .probe import WorkerProbe
from .resources import ResourceMeter
from .stacks import write_all_stacks, write_stacks_on_signal
from .turns import tell_turn_on_signal

TASKS_SIGNAL = signal.SIGUSR2
"""Makes a worker write its stacks and what its runtime knows of its tasks, if the interpreter runs."""


class _WrongBackendError(Exception):
    """The attestation does not hold, so the scenario is not run."""


class _PerturbationError(Exception):
    """A perturbation of the cell raised, so the scenario is not run."""


def run_role(job_text: str) -> None:
    """Run the role that the job describes and report its end; never raises the scenario's exceptions."""
    job: WorkerJob = decode_line(job_text.encode(), WorkerJob)
    write_stacks_on_signal(job.stacks_fd)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are started ignoring it
    for number in (signal.SIGQUIT, signal.SIGHUP):  # as it does these, and `nohup`; children would inherit it
        signal.signal(number, signal.SIG_DFL)
    signal.signal(TASKS_SIGNAL, lambda _number, frame: write_all_stacks(job.stacks_fd, frame))
    tell_turn_on_signal(job.stacks_fd)
    os.set_inheritable(job.stacks_fd, False)
    pipe = Pipe(job.report_fd, job.order_fd)
    progress = map_progress(job.progress_fd)
    unhandled = UnhandledCollector(pipe)
    unhandled.install()
    pipe.send(_run(job, pipe, progress, unhandled))


def _run(job: WorkerJob, pipe: Pipe, progress: memoryview, unhandled: UnhandledCollector) -> Ended:
    if job.format != FORMAT:
        asked = f"the runner speaks version {job.format}, the worker {FORMAT}: run harness env create again"
        return Ended(outcome=Outcome.INVALID_ENV, reason=asked)
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


def describe_tasks_on_signal(runtime: Runtime, fd: int, started: float) -> None:
    """Have the stacks and the runtime's tasks written to a file when the runner asks, if the interpreter can answer."""
    inspectors: list[Any] = []

    def describe(_number: int, frame: FrameType | None) -> None:
        signal.signal(TASKS_SIGNAL, signal.SIG_IGN)  # a request meanwhile has no answer yet
        if not inspectors:
            from .inspection import Inspector  # only a cell that is about to be ended needs it

            write_all_stacks(fd, frame)
            inspectors.append(Inspector(runtime, started))
        os.write(fd, INSPECTION.encode() + encode_line(inspectors[0].look(frame)))
        signal.signal(TASKS_SIGNAL, describe)

    signal.signal(TASKS_SIGNAL, describe)


class _Role:
    """One role's function, and the run of it."""

    def __init__(self, job: WorkerJob, scenario: Scenario, pipe: Pipe, progress: memoryview) -> None:
        self._job = job
        self._pipe = pipe
        self._progress = progress
        self._ledger = Ledger()
        self._scenario = scenario
        self._drive = scenario.drive
        self._asks_ending = ENDING in scenario.judges
        self._function: RoleFunction = (
            _load(job.own_implementation) if job.own_implementation else scenario.roles[job.role]
        )
        defaults = {parameter.name: parameter.default for parameter in scenario.parameters}
        self._parameters = defaults | job.parameters
        self._reached = False
        """Whether the scenario has started, so that an exception is about it."""
        self._resources: Resources | None = None
        self._host_fault = ""
        """The fault of the host behind an error that the scenario took for an answer."""

    def run(self, runner_class: type[BackendRunner], unhandled: UnhandledCollector) -> Ended:
        """Run the role on its runtime to its end."""
        raised: BaseException | None = None
        try:
            self._runner = runner_class(self._job.options)
            self._runner.run(self._main, unhandled)
            if self._drive is not None:
                self._drive(self._make_subject(runner_class), self._probe)
            for reference, value in self._job.after_run:
                _load(reference)(self._make_subject(runner_class), self._scenario, self._probe, value)
        except BaseException as exc:  # noqa: BLE001 - SystemExit and KeyboardInterrupt are results as well
            raised = exc
            open_headroom()
        gc.collect()  # a task that died alone reports it when it is collected, and dropped objects close their fds
        ended = self._completed() if raised is None or self._is_answer(raised) else self._failed(raised)
        if self._asks_ending and ended.outcome is Outcome.COMPLETED:
            self._pipe.send(Observed(role=self._job.role, key=ENDING, value=describe_ending(raised), at=0.0))
        return ended

    def _make_subject(self, runner_class: type[BackendRunner]) -> Subject:
        job = self._job
        return Subject(
            make_runner=lambda: runner_class(job.options),
            options=job.options,
            schedules=job.schedules,
            dialect=job.dialect,
        )

    def _is_answer(self, exc: BaseException) -> bool:
        return self._asks_ending and self._reached and not isinstance(exc, _WrongBackendError)

    def _completed(self) -> Ended:
        if self._host_fault:
            return Ended(outcome=Outcome.INVALID_ENV, reason=self._host_fault, resources=self._resources)
        leaks = () if self._asks_ending else self._ledger.leaks()
        return Ended(
            outcome=Outcome.COMPLETED,
            leaks=leaks,
            resources=self._resources,
            grown_bytes=self._ledger.grown_bytes(),
        )

    def _failed(self, exc: BaseException) -> Ended:
        if isinstance(exc, _WrongBackendError):
            return Ended(outcome=Outcome.WRONG_BACKEND, reason=str(exc))
        if isinstance(exc, _PerturbationError):
            return Ended(outcome=Outcome.INVALID_ENV, reason=str(exc), error=describe_error(exc))
        if cause := self._host_fault or _explain(exc):
            return Ended(
                outcome=Outcome.INVALID_ENV, reason=cause, error=describe_error(exc), resources=self._resources
            )
        outcome = Outcome.RAISED
        if not self._reached:
            # A backend may import a module that an option names (`loop=...`), and meet its gaps, only when it runs.
            kinds = {ImportError: Outcome.UNAVAILABLE, UnsupportedError: Outcome.UNSUPPORTED}
            outcome = next((kinds[kind] for kind in kinds if isinstance(exc, kind)), Outcome.RAISED)
        return Ended(outcome=outcome, reason=_one_line(exc), error=describe_error(exc), resources=self._resources)

    async def _main(self, runtime: Runtime) -> None:
        attestation = _attest(runtime, self._runner.expected_scheduler, self._job.distributions, self._scenario.subject)
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
            runner=self._job.runner,
            options=self._job.options,
        )
        self._probe = probe
        self._watch_errors(runtime)
        gc.collect()
        gc.freeze()
        gc.enable()
        disturbed = self._perturb(runtime)
        if not hasattr(runtime, "tasks"):
            from .generic_tasks import supply_tasks  # only for a backend that was written for 0.1

            supply_tasks(runtime)
        self._ledger.open(runtime)
        describe_tasks_on_signal(runtime, self._job.stacks_fd, probe.started)
        self._reached = True
        meter = ResourceMeter()
        try:
            await self._function(disturbed, probe)
        finally:
            self._resources = meter.read()
        await self._ledger.close_tasks(runtime)

    def _perturb(self, runtime: Runtime) -> Runtime:
        for reference, value in self._job.perturb:
            try:
                runtime = _load(reference)(runtime, value)
            except (Exception, SystemExit) as exc:
                raise _PerturbationError(f"perturbation {reference} raised {_one_line(exc)}") from exc
        return runtime

    def _watch_errors(self, runtime: Runtime) -> None:
        """Look at each error that the scenario classifies: the host's is no answer of the runtime."""
        classify = runtime.classify

        def classify_and_look(exc: BaseException) -> ErrorKind:
            self._host_fault = self._host_fault or _explain(exc)
            return classify(exc)

        with suppress(AttributeError):  # a runtime with slots answers without us
            runtime.classify = classify_and_look  # type: ignore[method-assign]


def _explain(exc: BaseException) -> str:
    """Return which fault of the host an exception comes from; only an error of the system can be one.

    A thread that cannot be started is a `RuntimeError`.
    """
    if not isinstance(exc, (OSError, RuntimeError, BaseExceptionGroup)) and exc.__cause__ is None:
        return ""
    try:
        from harness.host.faults import explain_host_fault  # a cell that goes well never needs it

        return explain_host_fault(exc)
    # A scenario that took every descriptor leaves none to open a socket or a module with; other threads see half of it.
    except (OSError, ImportError):
        return ""


def _attest(runtime: Runtime, expected: str, distributions: tuple[str, ...], subject: str) -> Attestation:
    kind = type(runtime.scheduler())
    return Attestation(
        scheduler=f"{kind.__module__}.{kind.__qualname__}",
        expected=expected,
        python=".".join(map(str, sys.version_info[:3])),
        implementation=sys.implementation.name,
        gil=getattr(sys, "_is_gil_enabled", lambda: True)(),
        versions={name: _version(name) for name in distributions}
        | _versions_of_another(kind, distributions)
        | ({subject: _version_of_subject(subject)} if subject else {}),
        format=FORMAT,
    )


def _version(distribution: str) -> str:
    # The module's own word costs nothing; scanning the installed distributions costs more than starting Python.
    module = sys.modules.get(distribution.replace("-", "_"))
    return str(getattr(module, "__version__", "?"))


def _version_of_subject(distribution: str) -> str:
    from importlib.metadata import PackageNotFoundError, version  # the body may not have imported it yet

    try:
        return version(distribution)
    except PackageNotFoundError:
        return _version(distribution)


def _versions_of_another(scheduler: type, distributions: tuple[str, ...]) -> dict[str, str]:
    """Return where a scheduler comes from that is not the backend's own, e.g. the loop of `loop=rloop`."""
    package = scheduler.__module__.partition(".")[0]
    if package in sys.stdlib_module_names or package in distributions:
        return {}
    from importlib.metadata import packages_distributions, version  # scans installed packages: only where it must

    return {name: version(name) for name in packages_distributions().get(package, ())}


def _load(reference: str) -> Any:
    module, _, attribute = reference.partition(":")
    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError as exc:
        if exc.name != "msgspec":
            raise
        with standing_in():  # an environment that has none of our dependencies
            loaded = importlib.import_module(module)
    return getattr(loaded, attribute)


def _one_line(exc: BaseException) -> str:
    first = (str(exc).strip() or "no message").splitlines()[0]
    return f"{type(exc).__name__}: {first}"
