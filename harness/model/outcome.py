"""Outcome of a cell: facts only. Judgements are in `comparison`."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

FORMAT = 1
"""Version of the journal and of the worker's pipe. A reader refuses newer versions."""


class Outcome(StrEnum):
    """Outcome of a cell."""

    COMPLETED = "completed"
    """Every role ran to its end."""
    RAISED = "raised"
    """An exception left a role."""
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
    """The backend that ran differs from the one in the spec."""
    INVALID_ENV = "invalid environment"
    """The host, or the interpreter that it was to run in, cannot run it."""
    INTERRUPTED = "interrupted"
    """The user ended the run while it ran."""
    NOT_RUN = "not run"
    """It was not started, for the reason given."""
    HARNESS_FAULT = "harness fault"
    """Our own bug; never charged to a runtime."""


NOT_TRIED = frozenset(
    {Outcome.UNSUPPORTED, Outcome.UNAVAILABLE, Outcome.INVALID_ENV, Outcome.NOT_RUN, Outcome.INTERRUPTED}
)
"""Of cells that carry no information about their backend: they did not begin, or had no time to end."""

OUT_OF_TIME = "stopped after the budget of "
"""How the reason of a cell begins for which the budget of its run left no time."""
UNFINISHED = ("the run was interrupted", "the journal ends", "the journal has no result", "stopped after ")
"""How the reasons begin for which a cell was not run although its run owes it."""

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
    """Class name, with its module unless it is a builtin."""
    message: str
    """The result of `str()`."""
    traceback: str
    """As Python prints it."""
    leaves: tuple[str, ...] = ()


class Observed(msgspec.Struct, frozen=True, kw_only=True, tag="observed"):
    """One recorded fact: `key` has `value`. `at` is seconds since the worker started its scenario."""

    role: str
    """The actor that recorded it."""
    key: str
    value: Any
    at: float


class Step(msgspec.Struct, frozen=True, kw_only=True, tag="step"):
    """One step of one actor's trace."""

    role: str
    """The actor that recorded it."""
    actor: str
    """The task that took the step."""
    what: str
    """The step, in a word or a few."""
    at: float
    """Seconds since the worker started its scenario."""


Observation = Observed | Step
"""Facts that a cell can record."""


class Unhandled(msgspec.Struct, frozen=True, kw_only=True):
    """An exception that the runtime logged or dropped because no task awaited it. It voids the cell's numbers."""

    context: str
    """The runtime's message about it."""
    error: ErrorReport | None = None
    """The exception, if the runtime has one and not only a message."""


class Attestation(msgspec.Struct, frozen=True, kw_only=True):
    """What really ran, reported by the worker."""

    scheduler: str
    """`module.QualName` of the class of the live scheduler object."""
    expected: str
    """Glob that `scheduler` had to match."""
    python: str
    """Version of the interpreter."""
    implementation: str
    """`cpython` or another one."""
    gil: bool
    """Whether it holds a global lock while it runs Python."""
    versions: dict[str, str] = {}
    """Installed versions of the distributions of the runtime."""
    format: int = 0
    """Version of the pipe that the worker speaks; a worker that sends none is older than that."""

    @property
    def holds(self) -> bool:
        """Whether the backend that ran is the requested one."""
        from fnmatch import fnmatchcase

        return fnmatchcase(self.scheduler, self.expected)


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Resources of one role's process, from the kernel. Seconds and bytes."""

    user: float = 0.0
    """CPU time in its own code."""
    system: float = 0.0
    """CPU time in the kernel."""
    max_rss_bytes: int = 0
    """The most memory that it had at a time."""
    voluntary_switches: int = 0
    """How often it gave up its CPU to wait."""
    involuntary_switches: int = 0
    """How often its CPU was taken from it."""


class Resources(msgspec.Struct, frozen=True, kw_only=True):
    """Resource usage of a role while its scenario ran, without the start of its process. Seconds and bytes.

    `None` is a value that the system does not report.
    """

    wall: float
    """Time that passed."""
    user: float
    """CPU time of all threads; `system` likewise."""
    system: float
    """CPU time in the kernel."""
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
"""For measurements on one computing thread: if it waited longer for a CPU, as a part of the time, the cell is
disturbed."""


class Disturbance(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt at a cell whose figures do not count, because others had its CPU for too long. Seconds."""

    wall: float
    """Of the scenario."""
    run_delay: float
    """How long it was ready to run and had no CPU."""
    seconds: float = 0.0
    """Of the whole attempt."""

    @property
    def share(self) -> float:
        """Which part of the time it waited."""
        return self.run_delay / self.wall if self.wall > 0 else 0.0


class LastSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The last message of an actor before its role was looked at."""

    actor: str = ""
    """Of the step; empty for an observation, which is its role's."""
    what: str
    """The step, or key and value of the observation."""
    at: float
    """Seconds since the worker started its scenario."""

    def __str__(self) -> str:
        who = f"{self.actor}: " if self.actor else "observed "
        return f"{who}{self.what} at {self.at:.3f} s"


class Autopsy(msgspec.Struct, frozen=True, kw_only=True):
    """State of a role before it was killed, and the diagnosis that follows from it."""

    diagnosis: str
    """`self-deadlock`, `lock-order cycle`, `deadlock`, `lost wake-up`, `livelock`, `starvation`, `blocked scheduler`,
    `waiting for a child`, `ended scheduler`, or `unknown`; never a guess."""
    reasons: tuple[str, ...] = ()
    """The facts that the diagnosis follows from."""
    tasks: tuple[str, ...] = ()
    """The runtime's own tasks with where each waits; none if the interpreter did not answer."""
    descriptors: tuple[str, ...] = ()
    """Open sockets and pipes with the kernel's state of them."""
    threads: tuple[str, ...] = ()
    """Each thread with the kernel function that it waits in."""
    children: tuple[str, ...] = ()
    """The processes that it had started."""
    waits: tuple[str, ...] = ()
    """Wait and place of each task of the scenario, and since when: the times that bound it."""
    last_seen: tuple[LastSeen, ...] = ()
    """The last step of each actor and the last observation of the role, oldest first."""


class Stall(msgspec.Struct, frozen=True, kw_only=True):
    """One call that held the scheduler of a role while nothing of it advanced, as the runner saw it from outside."""

    frames: tuple[str, ...]
    """`file:line in function`, innermost first: where the main thread was in every look."""
    seconds: float
    """At least: CPU time if it computes, else time in one system call. The longest, if it was seen several times."""
    computes: bool
    """Whether it takes CPU time; else it waits in the kernel."""
    count: int = 1
    """How often it was seen."""

    def __str__(self) -> str:
        how = "computes" if self.computes else "waits"
        times = f", {self.count} times" if self.count > 1 else ""
        return f"{self.frames[0]} {how} for {self.seconds:.2f} s{times}"


class RoleResult(msgspec.Struct, frozen=True, kw_only=True):
    """Outcome of one role's process."""

    role: str
    """Name of the role."""
    backend: str
    """The backend as verified in the worker."""
    outcome: Outcome
    """Outcome of the role."""
    reason: str = ""
    """One line: signal or exit code, limit, capability, diagnosis."""
    seconds: float = 0.0
    """From the start of the process to its end."""
    pid: int = 0
    """Of its process; 0 if none was started."""
    is_forked: bool = False
    """Whether a warm parent forked its process; else it is an interpreter started for this role."""
    cpu: int | None = None
    """The CPU that it was kept on; `None` for any."""
    exit_code: int | None = None
    """Of its process, negative for a signal; `None` if it has none."""
    error: ErrorReport | None = None
    """What left the role."""
    attestation: Attestation | None = None
    """What really ran, if it came to that."""
    unhandled: tuple[Unhandled, ...] = ()
    """Exceptions that no task awaited; the first of them, if there were many."""
    unhandled_more: int = 0
    """How many more there were than are kept."""
    usage: Usage = Usage()
    """The kernel's figures for the usage of its process."""
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
    """Tasks, threads, children and fds that the scenario left in its own process, a line each."""
    output_bytes: int = 0
    """Size of stdout and stderr together; the text is in the evidence folder."""
    resources: Resources | None = None
    """The role's own report when its scenario has ended; nothing if it was cut off."""
    grown_bytes: int | None = None
    """Resident size after the run, less that before the scenario; one cell's means little, `leak.*` measures growth."""
    stalls: tuple[Stall, ...] = ()
    """Calls that held its scheduler for more than 0.1 s, longest first."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt at a cell that ended badly, after which it was run again. The journal has all of it."""

    outcome: Outcome
    """How it ended."""
    reason: str = ""
    """Why, on one line."""
    seconds: float = 0.0
    """How long it took."""
    evidence: str = ""
    """Folder of its own, relative to the run folder; empty if there is none."""


class StartAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt at a cell that was forked first, and in which something went wrong there."""

    is_forked: bool
    """Whether a warm parent forked its processes; else they were started fresh."""
    outcome: Outcome
    """How it ended."""
    problems: tuple[str, ...] = ()
    """What went wrong, a few words each; attempts with the same ones agree."""
    seconds: float = 0.0
    """How long it took."""
    evidence: str = ""
    """Folder of its own, relative to the run folder; empty if there is none."""


class CellResult(msgspec.Struct, frozen=True, kw_only=True):
    """Outcome of a cell. `outcome` is that of the role that explains it: see `execute.combine_outcomes`."""

    cell_id: str
    """Of which cell."""
    outcome: Outcome
    reason: str = ""
    """Why it ended so, on one line."""
    seconds: float = 0.0
    """How long it took, with its processes."""
    roles: tuple[RoleResult, ...] = ()
    """Outcome of each role."""
    evidence: str = ""
    """Folder with stdout, stderr and stacks, relative to the run folder; empty if there is none."""
    disturbed: tuple[Disturbance, ...] = ()
    """The attempts before this one, oldest first: the cell was run again at once."""
    retried: tuple[Attempt, ...] = ()
    """The attempts before this one that hung, crashed or raised, oldest first; with `--retries` only."""
    starts: tuple[StartAttempt, ...] = ()
    """The attempts, this one as the last, where something went wrong in a forked process: forked and fresh by turns."""

    @property
    def is_flaky(self) -> bool:
        """Whether it completed, but not at once."""
        return self.outcome is Outcome.COMPLETED and bool(self.retried)

    @property
    def differs_by_start(self) -> bool:
        """Whether forked attempts agree, fresh ones agree, and not with each other: a defect of harness."""
        forked = {attempt.problems for attempt in self.starts if attempt.is_forked}
        fresh = {attempt.problems for attempt in self.starts if not attempt.is_forked}
        return len(self.starts) > 2 and len(forked) == len(fresh) == 1 and forked != fresh
