"""Run one cell: start its roles, watch them, end them, determine the outcome.

A cell can never raise into the runner.
"""

from __future__ import annotations

import os
import selectors
import signal
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from harness.api import Backend, Scenario
from harness.execute import posix, procfs
from harness.execute.hang.autopsy import IDLE_SHARE, examine
from harness.execute.hang.interview import dump_stacks, observe_cpu, observe_turns
from harness.execute.hang.stalls import StallWatch
from harness.execute.limits.enforce import CellLimits
from harness.execute.role.interpreter import find_interpreter
from harness.execute.role.job import make_job
from harness.execute.role.launch import PLAIN, Launch
from harness.execute.role.process import RoleProcess
from harness.host.files import make_plain_folder, open_fresh, replace_text
from harness.host.signals import HeldInterrupt
from harness.model import (
    EVIDENCE,
    BackendSpec,
    Cell,
    CellObserved,
    CellProgressed,
    CellResult,
    CellStarted,
    Environment,
    Observed,
    Outcome,
    RunEvent,
    Step,
    make_file_name,
)
from harness.wire import MOST_MESSAGES, RoleEnded, Shared

from .conditions import UNDISTURBED, Conditions
from .cut_off import CutOff
from .disturbed import NoiseRepeats
from .outcome import combine_outcomes
from .retries import Retries
from .start import StartCheck

_TICK = 0.05
_HEARTBEAT = 0.25
_TERMINATE_GRACE = 1.0
_KILL_GRACE = 5.0
_START_SECONDS = 10.0
EXIT_GRACE = 5.0
"""Seconds that a role may take to exit after it reported its end."""
_WINDOW_SHARE = 0.5
"""Of a time limit that is shorter than a cell's patience: without progress for so much of it, a cell hangs."""
_KEEPS_ALL_THREADS = ("blocked scheduler", "starvation")
"""Hangs that keep a driver of the question from its work as well."""
_PASSED_ON = ("PYTHONPATH", "PYTHONHOME", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE")


class CellRun:
    """One cell while it runs."""

    def __init__(
        self,
        cell: Cell,
        scenario: Scenario,
        backend_of: Callable[[BackendSpec], Backend],
        folder: Path,
        attempts: NoiseRepeats,
        environments: Mapping[str, Environment] = MappingProxyType({}),
        retries: Retries | None = None,
        launch: Launch = PLAIN,
        conditions: Conditions = UNDISTURBED,
        start: StartCheck | None = None,
        cut_off: CutOff | None = None,
    ) -> None:
        self._cell = cell
        self._scenario = scenario
        self._backend_of = backend_of
        self._attempts = attempts
        self._environments = environments
        self._retries = retries or Retries(cell, folder)
        self._launch = launch
        self._conditions = conditions
        self._start_check = start or StartCheck(cell, scenario, folder)
        self._cut_off = cut_off
        self._evidence = folder / EVIDENCE / cell.slug
        self._relative = f"{EVIDENCE}/{cell.slug}"
        self._token = uuid.uuid4().hex
        self._spared = posix.child_pids()
        self._limits = CellLimits(cell, self._spared, own=conditions.own_limits)
        self._stalls = StallWatch()
        self._roles: list[RoleProcess] = []
        self._over: list[RoleProcess] = []
        self._writers: tuple[str, ...] = ()
        self._files: list[BinaryIO] = []
        self._selector = selectors.DefaultSelector()

    def events(self) -> Iterator[RunEvent]:
        """Run the cell and yield its events; the last is its `CellFinished`, unless it is to be run again.

        Raises:
            KeyboardInterrupt: after the cell was ended and reported, if the user interrupted it.
        """
        held = HeldInterrupt()
        started = time.monotonic()
        try:
            with held:
                make_plain_folder(self._evidence)
                self._start()
                yield CellStarted(cell_id=self._cell.id, pids={role.role: role.pid for role in self._roles})
                yield from self._watch()
            if held:
                self._stop_all(Outcome.INTERRUPTED, "interrupted")
        finally:
            # No yield in here: the reader may have closed this generator, and the processes must go all the same.
            trailing_events = self._end_all()
        is_cut_off = bool(held) or not self._has_time(0)
        result = self._result(time.monotonic() - started, is_cut_off=is_cut_off)
        # A repeated attempt has already exited, so its pipes are empty.
        yield from held.pass_on((*trailing_events, *self._conclude(result, is_last=is_cut_off)))
        held.release()

    def _conclude(self, result: CellResult, *, is_last: bool) -> tuple[RunEvent, ...]:
        """Return the event of the end of the cell, or of this attempt, if there is one."""
        checked = self._start_check.conclude(result, is_last=is_last)
        if not isinstance(checked, CellResult):
            return (checked,)
        is_last = is_last or not self._has_time(result.seconds)
        concluded = self._attempts.conclude(checked, is_last=is_last)
        return () if concluded is None else (self._retries.conclude(concluded, is_last=is_last),)

    def _has_time(self, seconds: float) -> bool:
        return self._cut_off is None or self._cut_off.allows(seconds)

    # --- start ---
    def _start(self) -> None:
        environment = self._environment()
        for assigned, cpu in zip(self._cell.roles, self._cpus(), strict=True):
            backend = self._backend_of(assigned.backend)
            place = find_interpreter(assigned.backend, backend, self._environments)
            conditions = self._conditions
            job = make_job(self._cell, assigned, backend, self._scenario, conditions.in_worker, conditions.after_run)
            output = (self._open(assigned.role, "stdout"), self._open(assigned.role, "stderr"))
            warm = self._start_check.warm
            role = RoleProcess(job, environment, output, cpu, self._limits, place, self._launch, warm)
            self._spared |= warm.pids if warm is not None else set()
            self._roles.append(role)
            # What measures one thread that computes is not to be asked anything meanwhile.
            if not (self._scenario.cpu_bound or backend.parallel):
                self._stalls.add(role, job)
            for fd in role.fds:
                self._selector.register(fd, selectors.EVENT_READ, role)

    def _cpus(self) -> tuple[int | None, ...]:
        # Roles that share a CPU measure each other; those of every backend are kept apart in the same way.
        roles, cpus = len(self._cell.roles), posix.usable_cpus()
        if chosen := self._conditions.cpus:
            return tuple(chosen[place % len(chosen)] for place in range(roles))
        if roles < 2 or len(cpus) < roles:
            return (None,) * roles
        return cpus[:roles]

    def _open(self, role: str, suffix: str) -> BinaryIO:
        file = open_fresh(self._evidence / f"{make_file_name(role)}.{suffix}")
        self._files.append(file)
        return file

    def _environment(self) -> dict[str, str]:
        scrubbed = {
            name: value for name, value in os.environ.items() if not name.startswith("PYTHON") or name in _PASSED_ON
        }
        # The same hash seed for all backends of a round: set order is then no difference between them.
        return scrubbed | {"PYTHONHASHSEED": str(self._start_check.hash_seed), posix.TOKEN_VARIABLE: self._token}

    # --- watch ---
    def _watch(self) -> Iterator[RunEvent]:
        started = last_beat = last_progress = time.monotonic()
        seen = self._heartbeats()
        while len(self._over) < len(self._roles):
            for key, _ in self._selector.select(_TICK):
                yield from self._events_of(key.data, key.fd)
            yield from self._collect_ended()
            self._stalls.look(role for role in self._roles if role not in self._over)
            now = time.monotonic()
            if (beats := self._heartbeats()) != seen:
                seen, last_progress = beats, now
            if self._stop_if_needed(now, started, last_progress):
                return
            if now - last_beat >= _HEARTBEAT:
                last_beat = now
                progress = sum(role.progress for role in self._roles if role not in self._over)
                yield CellProgressed(cell_id=self._cell.id, seconds=now - started, progress=progress)

    def _events_of(self, role: RoleProcess, fd: int) -> Iterator[RunEvent]:
        if role in self._over:
            return
        for message in role.read(fd):
            yield from self._pass_on(role, message)
        if fd in role.at_end:
            self._selector.unregister(fd)

    def _pass_on(self, role: RoleProcess, message: Observed | Step | Shared) -> Iterator[RunEvent]:
        if isinstance(message, Shared):
            for other in self._roles:
                if other is not role and other not in self._over:
                    other.order(message)
        else:
            self._attempts.see(message)
            self._start_check.see(message)
            yield CellObserved(cell_id=self._cell.id, observation=message)

    def _collect_ended(self) -> Iterator[RunEvent]:
        for role in self._roles:
            if role not in self._over and role.poll():
                self._stalls.end([role])
                yield from self._close(role)

    def _close(self, role: RoleProcess) -> Iterator[RunEvent]:
        for fd in set(role.fds) - role.at_end:
            self._selector.unregister(fd)
        self._over.append(role)
        if len(self._over) == len(self._roles):
            self._end_writers(role)
        for message in role.close():
            yield from self._pass_on(role, message)
        for other in self._roles:
            if other not in self._over:
                other.order(RoleEnded(role=role.role))

    def _end_writers(self, role: RoleProcess) -> None:
        """End what holds the output of the last role open: it would end unnamed when the pipe is closed."""
        if role.ended_at is not None and role.is_output_held():
            deadline = time.monotonic() + _KILL_GRACE
            self._writers, _ = posix.sweep(self._token, self._spared, deadline=deadline)

    def _heartbeats(self) -> tuple[object, ...]:
        return (len(self._over), *(role.heartbeat for role in self._roles if role not in self._over))

    def _stop_if_needed(self, now: float, started: float, last_progress: float) -> bool:
        """Note why the cell must be ended, if it must. Progress, not patience, separates a hang from a slow cell."""
        running = [role for role in self._roles if role not in self._over]
        if refused := next((role.refused for role in running if role.refused is not None), None):
            self._stop_all(*refused)
            return True
        if self._cut_off is not None and not self._has_time(0):
            self._stop_all(Outcome.INTERRUPTED, self._cut_off.reason)
            return True
        if exceeded := self._find_exceeded(running):
            self._stop_all(Outcome.LIMIT, exceeded)
            return True
        idle = now - last_progress
        if running and all(role.reported_end for role in running):
            if over := idle > min(EXIT_GRACE, self._cell.hang_after):
                self._stop_all(Outcome.HUNG, f"did not exit within {idle:.1f} s after its result")
            return over
        # Until a runtime runs its imports take the time, which on a crowded machine has no bearing on the scenario.
        patience = self._cell.hang_after
        if not all(role.has_started for role in running):
            patience = max(patience, _START_SECONDS)
        if idle > patience:
            self._stop_hung(running, idle)
            return True
        if now - started > self._cell.timeout:
            self._stop_at_limit(running, idle, patience)
            return True
        return False

    def _stop_at_limit(self, running: list[RoleProcess], idle: float, patience: float) -> None:
        """End a cell at its time limit: it made progress if a counter moved within the window, and hangs otherwise."""
        limit = self._cell.timeout
        if running and idle > min(patience, limit * _WINDOW_SHARE):
            self._stop_hung(running, idle)
            return
        self._stop_all(Outcome.TIMED_OUT, f"still made progress at the limit of {limit:g} s, {idle:.1f} s before it")

    def _find_exceeded(self, running: list[RoleProcess]) -> str:
        if any(role.over_limit for role in running):
            return self._limits.say_output()
        if any(role.has_flooded for role in running):
            return f"recorded more than {MOST_MESSAGES:,} facts"
        return self._limits.find_exceeded([role.pid for role in running])

    def _stop_hung(self, running: list[RoleProcess], idle: float) -> None:
        self._stalls.end(running)
        # Asked before anything disturbs it: a question that was never put has no answer.
        drivers = "; ".join(dict.fromkeys(role.driver for role in running if role.driver))
        waits = {role: procfs.read_waits(role.pid) for role in running}
        cpu = observe_cpu(running)
        wakes = {role: procfs.read_waits(role.pid) - waits[role] for role in running}
        dump_stacks([role for role in running if role.has_begun])
        observe_turns(running, cpu)
        for role in running:
            role.autopsy = examine(
                role.pid,
                role.stacks(),
                cpu=cpu[role],
                wakes=wakes[role],
                has_started=role.has_started,
                tasks_are_threads=self._tasks_are_threads(role),
                last_messages=role.last_messages.values(),
            )
            share = sum(cpu[role].values())
            state = f"{'busy' if share > IDLE_SHARE else 'idle'} ({share:.0%} CPU)"
            known = "" if role.autopsy.diagnosis == "unknown" else f": {role.autopsy.diagnosis}"
            if drivers and role.autopsy.diagnosis not in _KEEPS_ALL_THREADS:
                role.stop(Outcome.HARNESS_FAULT, f"inconclusive: what drives the question is stuck: {drivers}")
            role.stop(Outcome.HUNG, f"no progress for {idle:.1f} s, {state}{known}")

    def _tasks_are_threads(self, role: RoleProcess) -> bool:
        assigned = next(assigned for assigned in self._cell.roles if assigned.role == role.role)
        return self._backend_of(assigned.backend).parallel

    # --- end ---
    def _stop_all(self, outcome: Outcome, reason: str) -> None:
        for role in self._roles:
            if role not in self._over:
                role.stop(outcome, reason)

    def _end_all(self) -> list[RunEvent]:
        """End what still runs: stacks, terminate, grace, kill the group, sweep what escaped, name survivors.

        Returns:
            the observations that were still in the pipes.
        """
        running = [role for role in self._roles if role not in self._over]
        if running:
            self._stalls.end(running)
            dump_stacks([role for role in running if role.has_begun and role.autopsy is None])
            self._signal_and_wait(running, signal.SIGTERM, _TERMINATE_GRACE)
            self._signal_and_wait(running, signal.SIGKILL, _KILL_GRACE)
        deadline = time.monotonic() + _KILL_GRACE
        unreaped = {role.pid for role in running if role.ended_at is None}
        ended, survivors = posix.sweep(self._token, self._spared | unreaped, deadline=deadline)
        survivors = (*survivors, *(f"{pid} worker" for pid in sorted(unreaped)))
        if self._roles:
            self._roles[0].escaped, self._roles[0].survivors = (*self._writers, *ended), survivors
        trailing_events = [event for role in running for event in self._close(role)]
        self._limits.close()
        self._selector.close()
        for file in self._files:
            file.close()
        with suppress(OSError):  # a full disk, which the journal will report; the facts are in there
            self._keep_evidence()
        return trailing_events

    def _signal_and_wait(self, running: list[RoleProcess], number: signal.Signals, grace: float) -> None:
        # The group is signalled even when its leader is gone: others of it may not be.
        for role in running:
            posix.signal_group(role.pid, number)
        deadline = time.monotonic() + grace
        while not all(tuple(role.poll() for role in running)) and time.monotonic() < deadline:
            time.sleep(0.005)

    def _keep_evidence(self) -> None:
        for role in self._roles:
            if text := role.stacks_text:
                replace_text(self._evidence / f"{make_file_name(role.role)}.stacks", text)
        # Without a file of ours the folder may be a link, which was refused.
        for path in tuple(self._evidence.iterdir()) if self._files else ():
            if path.stat().st_size == 0:
                path.unlink()
        with suppress(OSError):  # it holds evidence
            self._evidence.rmdir()

    def _result(self, seconds: float, *, is_cut_off: bool) -> CellResult:
        results = tuple(self._limits.explain(role.result()) for role in self._over)
        outcome, reason = combine_outcomes(results)
        if is_cut_off and len(results) < len(self._cell.roles):
            outcome, reason = Outcome.INTERRUPTED, "interrupted before every role had started"
        return CellResult(
            cell_id=self._cell.id,
            outcome=outcome,
            reason=reason,
            seconds=seconds,
            roles=results,
            evidence=self._relative if self._evidence.exists() else "",
        )
