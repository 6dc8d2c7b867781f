"""One role's process, seen from the runner: start, reading, and outcome."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, BinaryIO

import msgspec

from harness.execute import posix
from harness.execute.hang.testimony import without_inspection
from harness.execute.limits.enforce import CellLimits
from harness.model import (
    Attestation,
    Autopsy,
    ErrorReport,
    Observed,
    Outcome,
    RoleResult,
    Stall,
    Step,
    Unhandled,
    Usage,
)
from harness.wire import (
    MOST_LINE_BYTES,
    MOST_MESSAGES,
    Driving,
    Ended,
    Ready,
    Shared,
    UnhandledSeen,
    WorkerJob,
    WorkerMessage,
    WorkerOrder,
    decode_line,
    encode_line,
)

from .interpreter import HERE, Interpreter, keep_end
from .launch import PLAIN, Launch
from .warm import WarmParents, worker_command

_UNHANDLED_KEPT = 20
_STACKS_BYTES = 1 << 20
_STACKS_KEPT = 64 << 10
_READ_BYTES = 1 << 16
_WORD_BYTES = 8
_PAGE_BYTES = 3 * _WORD_BYTES
"""Words of the progress page: units of work, pid of the worker, whether a driver of the question is busy."""


class RoleProcess:
    """A started role. Its fds are non-blocking; the cell's loop decides when to read."""

    _process: subprocess.Popen[bytes] | None
    """Nothing for one that was forked."""

    def __init__(
        self,
        job: WorkerJob,
        environment: dict[str, str],
        output: tuple[BinaryIO, BinaryIO],
        cpu: int | None,
        limits: CellLimits,
        place: Interpreter = HERE,
        launch: Launch = PLAIN,
        warm: WarmParents | None = None,
    ) -> None:
        """Start the process.

        Args:
            job: everything but the fds, which are made here.
            environment: of the process.
            output: files that take stdout and stderr.
            cpu: where to keep it, or `None` for anywhere.
            limits: of its cell.
            place: where it runs.
            launch: how it is started.
            warm: what may fork it instead.
        """
        self._limits = limits
        self._warm = warm
        self._place = place
        self._launch = launch
        self.role = job.role
        self._backend = job.backend
        self._reset()
        made: list[int] = []
        try:
            self._start(job, environment, output, made)
        except BaseException:  # too many open files, say: the next cell would have as many fewer
            for fd in made:
                with suppress(OSError):
                    os.close(fd)
            raise
        self._cpu = cpu
        if cpu is not None:
            posix.pin(self.pid, cpu)

    def _start(
        self, job: WorkerJob, environment: dict[str, str], output: tuple[BinaryIO, BinaryIO], made: list[int]
    ) -> None:
        """Start the process; `made` gets every fd that there is by then, in case it fails."""
        made += (pipe := os.pipe())
        self._report, report_child = pipe
        made += (pipe := os.pipe())
        order_child, self._order = pipe
        ends: list[tuple[int, int]] = []
        for _ in output:
            made += (pipe := os.pipe())
            ends.append(pipe)
        made.append(posix.shared_file("harness-progress", mmap.PAGESIZE))
        self._progress_fd = made[-1]
        made.append(posix.shared_file("stacks"))
        self._stacks = made[-1]
        job = msgspec.structs.replace(
            job,
            report_fd=report_child,
            order_fd=order_child,
            progress_fd=self._progress_fd,
            stacks_fd=self._stacks,
        )
        self.started = time.monotonic()
        self._begin(job, environment, [writes for _, writes in ends])
        self._outputs = {reads: file for (reads, _), file in zip(ends, output, strict=True)}
        for fd in (report_child, order_child, *(writes for _, writes in ends)):
            os.close(fd)
        self.pidfd = posix.open_pidfd(self.pid)
        for fd in (self._report, self._order, *self._outputs):
            os.set_blocking(fd, False)

    def _begin(self, job: WorkerJob, environment: dict[str, str], outputs: Sequence[int]) -> None:
        """Fork the process, or start it."""
        if self._warm is not None:
            limits, cgroup = self._limits.values, self._limits.cgroup
            pid = self._warm.fork(self._place, job, environment, limits, cgroup, outputs)
            if pid is not None:
                self.pid, self.is_forked = pid, True
                return
        stdout, stderr = outputs
        process = self._launch.start(
            [*worker_command(self._place, job.module), encode_line(job).decode()],
            job.role,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env=self._place.variables(environment),
            pass_fds=(job.report_fd, job.order_fd, job.progress_fd, job.stacks_fd),
            start_new_session=True,
            preexec_fn=self._limits.before_exec(),
        )
        self.pid, self._process = process.pid, process

    def _reset(self) -> None:
        self._process = None
        self.is_forked = False
        """Whether a warm parent forked it."""
        self._partial = b""
        self.at_end: set[int] = set()
        self._attestation: Attestation | None = None
        self._unhandled: list[Unhandled] = []
        self._unhandled_count = 0
        self._end: Ended | None = None
        self._garbage = ""
        self._stopped: tuple[Outcome, str] | None = None
        self._exit: int | None = None
        self._usage = Usage()
        self._messages = 0
        self._refused: tuple[Outcome, str] | None = None
        self._said = b""
        self._driver = ""
        self.ended_at: float | None = None
        self.output_bytes = 0
        self.stacks_text = ""
        self._stacks_from = 0
        self.stalls: tuple[Stall, ...] = ()
        self.last_messages: dict[str, Observed | Step] = {}
        """The last of each actor; that of the role itself under no name."""
        self._last_progress = 0
        self._last_page = b""
        self.autopsy: Autopsy | None = None
        self.survivors: tuple[str, ...] = ()
        self.escaped: tuple[str, ...] = ()

    # --- while it runs ---
    @property
    def fds(self) -> tuple[int, ...]:
        """The fds to wait on."""
        own = (self._report, *self._outputs)
        return own if self.pidfd is None else (*own, self.pidfd)

    @property
    def progress(self) -> int:
        """Units of work so far, from the page that the worker shares."""
        return self._word(0)

    def _word(self, index: int) -> int:
        """Return a word of the progress page; 0 where the worker has cut it off.

        Read, not mapped: a worker that truncates the shared file would end a runner that maps it (SIGBUS).
        """
        page = self._last_page or os.pread(self._progress_fd, _PAGE_BYTES, 0)
        return int.from_bytes(page[index * _WORD_BYTES :][:_WORD_BYTES], sys.byteorder)

    @property
    def refused(self) -> tuple[Outcome, str] | None:
        """Why the started process may not go on."""
        return self._refused or self._launch.find_refusal(self.pid, self._word(1))

    @property
    def has_begun(self) -> bool:
        """Whether a worker is there, and is the watched process, so that its stacks can be requested."""
        return self.refused is None and bool(self._word(1) or self._messages)

    @property
    def heartbeat(self) -> tuple[int, int]:
        """Changes whenever the role did anything that counts as progress."""
        return self.progress, self._messages

    @property
    def driver(self) -> str:
        """What drives the question just now, beside the runtime; empty if nothing does."""
        return self._driver if self._word(2) else ""

    @property
    def has_started(self) -> bool:
        """Whether its runtime runs."""
        return self._attestation is not None

    @property
    def reported_end(self) -> bool:
        """Whether the role has reported its end (its process may still run)."""
        return self._end is not None

    @property
    def over_limit(self) -> bool:
        """Whether it wrote more than a role may."""
        return self.output_bytes > self._limits.output_bytes

    @property
    def has_flooded(self) -> bool:
        """Whether it sent more messages than a role may."""
        return self._messages > MOST_MESSAGES

    def cpu_seconds(self) -> float:
        """CPU time used so far; 0 when it is gone."""
        import psutil

        try:
            times = psutil.Process(self.pid).cpu_times()
        except psutil.Error:
            return 0.0
        return float(times.user + times.system)

    def order(self, order: WorkerOrder) -> None:
        """Send an order; one that the worker no longer reads is dropped."""
        try:
            os.write(self._order, encode_line(order))
        except (BrokenPipeError, BlockingIOError):
            return

    def read(self, fd: int) -> Iterator[Observed | Step | Shared]:
        """Read the available bytes of one fd; yield the observations and the shared items. Never waits."""
        if fd == self._report:
            yield from self._read_report()
        elif fd in self._outputs:
            self._read_output(fd)

    def _read_report(self) -> Iterator[Observed | Step | Shared]:
        try:
            data = os.read(self._report, _READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            self.at_end.add(self._report)
        *lines, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > MOST_LINE_BYTES:
            self._garbage, self._partial = self._garbage or "a line without an end", b""
        for line in lines:
            try:
                message = decode_line(line, WorkerMessage)
            except msgspec.DecodeError as exc:
                self._garbage = self._garbage or f"{line[:60]!r} ({exc})"
                continue
            self._messages += 1
            yield from self._take(message)

    def _take(self, message: Any) -> Iterator[Observed | Step | Shared]:
        match message:
            case Step():
                self.last_messages[message.actor] = message
                yield message
            case Observed():
                self.last_messages[""] = message
                yield message
            case Shared():
                yield message
            case Ready(attestation=attestation):
                self._attestation = attestation
                self._refused = self._place.find_refusal(attestation)
            case Driving(what=what):
                self._driver = what
            case UnhandledSeen(unhandled=unhandled):
                self._unhandled_count += 1
                if len(self._unhandled) < _UNHANDLED_KEPT:
                    self._unhandled.append(unhandled)
            case Ended():
                self._end = message

    def _read_output(self, fd: int) -> None:
        try:
            data = os.read(fd, _READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            self.at_end.add(fd)
        if not self._messages:
            self._said = keep_end(self._said, data)
        room = self._limits.output_bytes - self.output_bytes
        self.output_bytes += len(data)
        with suppress(OSError):  # a full disk costs the output and not the cell
            self._outputs[fd].write(data[: max(0, room)])

    def is_output_held(self) -> bool:
        """Read what its output holds, and return whether another process can still write there."""
        for fd in self._outputs:
            before = -1
            while before != self.output_bytes and fd not in self.at_end and not self.over_limit:
                before = self.output_bytes
                self._read_output(fd)
        return not self.at_end.issuperset(self._outputs)

    # --- the end ---
    def poll(self) -> bool:
        """Return whether the process has ended; takes its exit status and resource usage when it has."""
        if self.ended_at is not None:
            return True
        pid, status, used = os.wait4(self.pid, os.WNOHANG)
        if pid == 0:
            return False
        self._exit = os.waitstatus_to_exitcode(status)
        if self._process is not None:
            self._process.returncode = self._exit
        self._usage = Usage(
            user=used.ru_utime,
            system=used.ru_stime,
            max_rss_bytes=used.ru_maxrss * (1024 if sys.platform == "linux" else 1),
            voluntary_switches=used.ru_nvcsw,
            involuntary_switches=used.ru_nivcsw,
        )
        self.ended_at = time.monotonic()
        return True

    def stop(self, outcome: Outcome, reason: str) -> None:
        """Note why the runner is about to end it, unless it already reported its end."""
        if self._stopped is None:
            self._stopped = (outcome, reason)

    def request_tasks(self) -> None:
        """Ask for the stacks of all threads and the runtime's tasks, if the interpreter can answer.

        They arrive in a file that needs no reader, as do those of the other requests.
        """
        posix.signal_process(self.pid, signal.SIGUSR2)

    def request_stacks(self) -> None:
        """Ask for the stacks of all threads where nothing answers; `harness.worker.stacks` explains why only there."""
        posix.signal_process(self.pid, signal.SIGUSR1)

    def request_call(self) -> None:
        """Ask for the stack of a main thread that stays in the kernel."""
        posix.signal_process(self.pid, signal.SIGWINCH)

    def request_turn(self) -> None:
        """Ask for the stack of a main thread that computes, and when the next task gives way."""
        posix.signal_process(self.pid, signal.SIGURG)

    def stacks(self) -> str:
        """Return the stacks dumped so far, after those that were taken."""
        return os.pread(self._stacks, _STACKS_BYTES, self._stacks_from).decode(errors="replace")

    def take_stacks(self) -> str:
        """Return the dumped stacks and leave them out from now on, so that the stacks of an autopsy are its own."""
        taken = os.pread(self._stacks, _STACKS_BYTES, self._stacks_from)
        self._stacks_from += len(taken)
        return taken.decode(errors="replace")

    def close(self) -> Iterator[Observed | Step | Shared]:
        """Read the remaining bytes in the pipes and close everything. The process must have ended or been given up."""
        yield from self._drain()
        # The worker's half of the last line never came: its process was cut off while it wrote, or wrote garbage.
        if self._partial.strip() and self._end is None:
            self._garbage = self._garbage or f"{self._partial[:60]!r} (half a line)"
        for fd in (self._report, self._order, *self._outputs, self.pidfd):
            if fd is not None:
                os.close(fd)
        self.stacks_text, self._last_progress = without_inspection(self.stacks())[:_STACKS_KEPT], self.progress
        self._last_page = os.pread(self._progress_fd, _PAGE_BYTES, 0).ljust(_PAGE_BYTES, b"\0")
        os.close(self._progress_fd)
        os.close(self._stacks)

    def _drain(self) -> Iterator[Observed | Step | Shared]:
        # A process that escaped may hold a pipe open and write for ever: bounded by the limits, and by silence.
        for fd in (self._report, *self._outputs):
            before = -1
            while before != (mark := self._mark()) and not self.over_limit:
                before = mark
                yield from self.read(fd)

    def _mark(self) -> int:
        return self._messages + self.output_bytes + len(self._partial)

    def result(self) -> RoleResult:
        """Return its outcome. Call after `close`."""
        outcome, reason = self._outcome()
        error: ErrorReport | None = self._end.error if self._end is not None else None
        return RoleResult(
            role=self.role,
            backend=self._backend,
            outcome=outcome,
            reason=reason,
            seconds=(self.ended_at or time.monotonic()) - self.started,
            pid=self.pid,
            is_forked=self.is_forked,
            cpu=self._cpu,
            exit_code=self._exit,
            error=error,
            attestation=self._attestation,
            unhandled=tuple(self._unhandled),
            unhandled_more=self._unhandled_count - len(self._unhandled),
            usage=self._usage,
            progress=self._last_progress,
            stacks=self.stacks_text,
            autopsy=self.autopsy,
            survivors=self.survivors,
            escaped=self.escaped,
            leaks=self._end.leaks if self._end is not None else (),
            output_bytes=self.output_bytes,
            resources=self._end.resources if self._end is not None else None,
            grown_bytes=self._end.grown_bytes if self._end is not None else None,
            stalls=self.stalls,
        )

    def _outcome(self) -> tuple[Outcome, str]:
        if self.refused is not None:
            return self.refused
        if not self._messages and not self._word(1) and (failed := self._find_failed_start()):
            return failed
        if not self._messages and self._stopped is None and self._exit is not None:
            failed = self._place.describe_failed_start(self._said, self._exit)
            if failed is not None:
                return failed
        if self._garbage:
            return Outcome.CRASHED, f"its report pipe has bytes that are no event: {self._garbage}"
        if self._end is not None and (self._stopped is None or self._stopped[0] is Outcome.INTERRUPTED):
            if self._end.outcome is Outcome.COMPLETED and self._exit not in (0, None):
                return Outcome.CRASHED, f"{describe_exit(self._exit)} after its result"
            return self._end.outcome, self._end.reason
        if self._stopped is not None:
            return self._stopped
        return Outcome.CRASHED, f"{describe_exit(self._exit)} without a result"

    def _find_failed_start(self) -> tuple[Outcome, str] | None:
        """Return the outcome where no worker began, unless it was ended for another reason before it could."""
        if self._stopped is not None and self._stopped[0] not in (Outcome.HUNG, Outcome.TIMED_OUT):
            return None
        ending = describe_exit(self._exit) if self._stopped is None else "it had to be ended"
        return self._launch.describe_failed_start(ending, self._said)


def describe_exit(code: int | None) -> str:
    """Return an exit code in words: `exit code 3`, `SIGSEGV`."""
    if code is None:
        return "still running"
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
