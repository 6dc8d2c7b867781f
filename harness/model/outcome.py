"""What became of a cell: facts only. Judgements are in `comparison`."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

FORMAT = 1
"""Version of the journal and of the worker's pipe. A reader refuses what is newer."""


class Outcome(StrEnum):
    """What became of a cell."""

    COMPLETED = "completed"
    RAISED = "raised"
    HUNG = "hung"
    """No progress and no end."""
    TIMED_OUT = "timed out"
    """Still made progress at the hard limit."""
    CRASHED = "crashed"
    """Ended by a signal, or with an exit code, or without a result."""
    LIMIT = "limit"
    """Stopped because it exceeded a limit (memory, output, files)."""
    UNSUPPORTED = "unsupported"
    """The backend declared that it lacks a capability that the scenario needs."""
    UNAVAILABLE = "unavailable"
    """The runtime is not installed or does not import."""
    WRONG_BACKEND = "wrong backend"
    """What ran was not what the spec asked for."""
    INVALID_ENV = "invalid environment"
    INTERRUPTED = "interrupted"
    NOT_RUN = "not run"
    HARNESS_FAULT = "harness fault"
    """Our own bug; never charged to a runtime."""


SYMBOLS: dict[Outcome, str] = {
    Outcome.COMPLETED: "✓",
    Outcome.RAISED: "R",
    Outcome.HUNG: "H",
    Outcome.TIMED_OUT: "T",
    Outcome.CRASHED: "C",
    Outcome.LIMIT: "L",
    Outcome.UNSUPPORTED: "–",
    Outcome.UNAVAILABLE: "u",
    Outcome.WRONG_BACKEND: "W",
    Outcome.INVALID_ENV: "E",
    Outcome.INTERRUPTED: "i",
    Outcome.NOT_RUN: "·",
    Outcome.HARNESS_FAULT: "!",
}
"""One character for each outcome; always shown beside a word or a legend."""


class ErrorReport(msgspec.Struct, frozen=True, kw_only=True):
    """An exception as text. `leaves` are the leaf exceptions of a group as `Type: message`."""

    type: str
    message: str
    traceback: str
    leaves: tuple[str, ...] = ()


class Observed(msgspec.Struct, frozen=True, kw_only=True, tag="observed"):
    """One recorded fact: `key` has `value`. `at` is seconds since the worker started its scenario."""

    role: str
    key: str
    value: Any
    at: float


class Step(msgspec.Struct, frozen=True, kw_only=True, tag="step"):
    """One step of one actor's trace."""

    role: str
    actor: str
    what: str
    at: float


Observation = Observed | Step


class Unhandled(msgspec.Struct, frozen=True, kw_only=True):
    """An exception that the runtime logged or dropped because nobody awaited it. It voids the cell's numbers."""

    context: str
    error: ErrorReport | None = None


class Attestation(msgspec.Struct, frozen=True, kw_only=True):
    """What really ran, reported by the worker."""

    scheduler: str
    """`module.QualName` of the class of the live scheduler object."""
    expected: str
    """Glob that `scheduler` had to match."""
    python: str
    implementation: str
    gil: bool
    versions: dict[str, str] = {}
    """Installed versions of the distributions of the runtime."""
    format: int = 0
    """Version of the pipe that the worker speaks; a worker that does not say so is older than that."""

    @property
    def holds(self) -> bool:
        """Whether what ran is what was asked for."""
        from fnmatch import fnmatchcase

        return fnmatchcase(self.scheduler, self.expected)


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Resources of one role's process, from the kernel. Seconds and bytes."""

    user: float = 0.0
    system: float = 0.0
    max_rss_bytes: int = 0
    voluntary_switches: int = 0
    involuntary_switches: int = 0


class Resources(msgspec.Struct, frozen=True, kw_only=True):
    """What a role took while its scenario ran, without the start of its process. Seconds and bytes.

    `None` is what the system does not tell.
    """

    wall: float
    user: float
    """CPU time of all threads; `system` likewise."""
    system: float
    run_delay: float | None = None
    """How long the thread that the scenario began on was ready and others had the CPU. Tasks that are threads of
    their own are not in it."""
    voluntary_switches: int | None = None
    """How often a thread gave way to wait for something."""
    involuntary_switches: int | None = None
    """How often one that had more to do was made to give way."""
    peak_rss_bytes: int | None = None
    """The largest resident size of the process until its scenario had ended, also before that began."""

    @property
    def delay_share(self) -> float | None:
        """Which part of the time it waited for a CPU."""
        return None if self.run_delay is None or self.wall <= 0 else self.run_delay / self.wall


MOST_DELAY = 0.05
"""Of what is measured on one thread that computes: if it waited longer for a CPU, as a part of the time, the cell is
disturbed."""


class Disturbance(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt at a cell whose figures do not count, because others had its CPU for too long. Seconds."""

    wall: float
    """Of the scenario."""
    run_delay: float
    seconds: float = 0.0
    """Of the whole attempt."""

    @property
    def share(self) -> float:
        """Which part of the time it waited."""
        return self.run_delay / self.wall if self.wall > 0 else 0.0


class Autopsy(msgspec.Struct, frozen=True, kw_only=True):
    """What a role looked like before it was killed, and what follows from that."""

    diagnosis: str
    """`self-deadlock`, `lock-order cycle`, `deadlock`, `lost wake-up`, `livelock`, `starvation`, `blocked scheduler`,
    `waiting for a child`, or `unknown`; never a guess."""
    reasons: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    """The runtime's own tasks with where each waits; none if the interpreter did not answer."""
    descriptors: tuple[str, ...] = ()
    """Open sockets and pipes with what the kernel holds for them."""
    threads: tuple[str, ...] = ()
    """Each thread with the kernel function that it waits in."""
    children: tuple[str, ...] = ()


class RoleResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one role's process."""

    role: str
    backend: str
    outcome: Outcome
    reason: str = ""
    """One line: signal or exit code, limit, capability, diagnosis."""
    seconds: float = 0.0
    """From the start of the process to its end."""
    pid: int = 0
    cpu: int | None = None
    """The CPU that it was kept on; `None` for any."""
    exit_code: int | None = None
    error: ErrorReport | None = None
    attestation: Attestation | None = None
    unhandled: tuple[Unhandled, ...] = ()
    usage: Usage = Usage()
    progress: int = 0
    """Units of work reported with `Probe.advance`."""
    stacks: str = ""
    """Stacks of all threads, dumped before a kill."""
    autopsy: Autopsy | None = None
    """Of a role that hung or was stopped at its limit."""
    survivors: tuple[str, ...] = ()
    """Processes that could not be ended, `pid name`."""
    escaped: tuple[str, ...] = ()
    """Descendants that had outlived the cell and were ended by the sweep, `pid name`."""
    leaks: tuple[str, ...] = ()
    """Tasks and fds that the scenario left open in its own process, a line each."""
    output_bytes: int = 0
    """Size of stdout and stderr together; the text is in the evidence folder."""
    resources: Resources | None = None
    """What the role says of itself when its scenario has ended; nothing if it was cut off."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt at a cell that ended badly, after which it was run again. The journal has all of it."""

    outcome: Outcome
    reason: str = ""
    seconds: float = 0.0
    evidence: str = ""
    """Folder of its own, relative to the run folder; empty if there is none."""


class CellResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a cell. `outcome` is that of the role that explains it: see `execute.settle`."""

    cell_id: str
    outcome: Outcome
    reason: str = ""
    seconds: float = 0.0
    roles: tuple[RoleResult, ...] = ()
    evidence: str = ""
    """Folder with stdout, stderr and stacks, relative to the run folder; empty if there is none."""
    disturbed: tuple[Disturbance, ...] = ()
    """The attempts before this one, oldest first: the cell was run again at once."""
    retried: tuple[Attempt, ...] = ()
    """The attempts before this one that hung, crashed or raised, oldest first; with `--retries` only."""

    @property
    def is_flaky(self) -> bool:
        """Whether it completed, but not at once."""
        return self.outcome is Outcome.COMPLETED and bool(self.retried)
