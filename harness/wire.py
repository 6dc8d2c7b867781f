"""model ⇄ JSON lines: the only place that knows the encoding.

Two streams use it: the journal (`RunEvent`, one a line, first line `RunStarted` with `format`) and a worker's pipe
(`WorkerMessage` up, `WorkerOrder` down). Decoding is strict about types and ignorant of unknown fields, so that an
older reader can read the additions of a newer minor version.
"""

from __future__ import annotations

from functools import cache
from itertools import islice
from typing import Any, TypeVar

import msgspec

from harness.api import Value
from harness.model.outcome import Attestation, ErrorReport, Observed, Outcome, Resources, Step, Unhandled

T = TypeVar("T")


class WorkerJob(msgspec.Struct, frozen=True, kw_only=True):
    """Job of a worker, from its command line: everything it needs, so that it scans no entry points.

    Flat, because a worker does not convert its input (see `harness.worker.light_msgspec`).
    """

    format: int
    role: str
    backend: str
    """The backend's spec, for messages."""
    options: dict[str, str] = {}
    """Of the backend."""
    peers: tuple[str, ...] = ()
    """The other roles of the cell."""
    parameters: dict[str, Value] = {}
    """The values that the cell assigns; the others have their defaults."""
    seed: int = 0
    perturb: tuple[tuple[str, str], ...] = ()
    """`"module:function"` and value of each perturbation that acts in the worker."""
    after_run: tuple[tuple[str, str], ...] = ()
    """`"module:function"` and value of each one that adds to the run of the role."""
    runner: str
    """`"module:Class"` of the backend's runner."""
    scenario: str
    """`"module:attribute"` of the scenario, or of a backend's own implementation of it."""
    own_implementation: str = ""
    distributions: tuple[str, ...] = ()
    schedules: str = ""
    """As in `Backend`; so are `dialect` and `in_force`."""
    dialect: str = ""
    in_force: str = ""
    module: str = "harness.worker"
    """That is run as the worker's process."""
    report_fd: int
    order_fd: int
    progress_fd: int
    stacks_fd: int


class ForkOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Order to a warm parent: fork a process for a role. The fds of `FORK_FDS` come with it."""

    job: str
    """A `WorkerJob` as JSON; its fds are those of the runner."""
    modules: tuple[str, ...]
    """Modules that the role imports."""
    environment: dict[str, str]
    """Environment variables of the role, bytes as characters of Latin-1."""
    limits: dict[str, int]
    """As in `Cell`."""
    cgroup: str
    """File of the cgroup that it joins; empty for none."""
    runner: int
    """Pid of the process that it dies with."""


FORK_FDS = ("stdout", "stderr", "report_fd", "order_fd", "progress_fd", "stacks_fd", "go")
"""The fds of a `ForkOrder`, in order. A forked process waits for a byte on the last one, and ends if none comes."""


class Forked(msgspec.Struct, frozen=True, kw_only=True, tag="forked"):
    """Reply of a warm parent: the process is there, and its parent is the runner."""

    pid: int


class NotForked(msgspec.Struct, frozen=True, kw_only=True, tag="not-forked"):
    """Reply of a warm parent that is not, or no longer, fit to be forked."""

    reason: str
    has_imported: bool = False
    """Whether it imported modules for this order, so that the fault is theirs."""


ForkReply = Forked | NotForked


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """The runtime runs and the scenario is about to start."""

    attestation: Attestation


class Shared(msgspec.Struct, frozen=True, kw_only=True, tag="shared"):
    """A role published a value; the runner passes it on to the other roles."""

    key: str
    value: Any


class Driving(msgspec.Struct, frozen=True, kw_only=True, tag="driving"):
    """A driver of the question has begun; the shared page shows whether one is still at work."""

    what: str


class UnhandledSeen(msgspec.Struct, frozen=True, kw_only=True, tag="unhandled"):
    """The runtime logged or dropped an exception."""

    unhandled: Unhandled


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag="ended"):
    """The role is over; the last message. Without it, the worker crashed."""

    outcome: Outcome
    reason: str = ""
    error: ErrorReport | None = None
    leaks: tuple[str, ...] = ()
    resources: Resources | None = None
    """From the start to the end of the scenario, if it started."""
    grown_bytes: int | None = None
    """Resident size of the process after the run, less that before the scenario."""


class RoleEnded(msgspec.Struct, frozen=True, kw_only=True, tag="role-ended"):
    """Order: another role has ended."""

    role: str


WorkerMessage = Ready | Observed | Step | Shared | Driving | UnhandledSeen | Ended
WorkerOrder = Shared | RoleEnded

INSPECTION = "--- inspection --- "
"""Before each line of facts about itself and its tasks that a worker writes, in the file of its stacks, when asked."""
TURNED = "--- turned at "
"""Before the CPU time at which a task gave way, in the same file, when a worker is asked for that."""

MOST_DEPTH, MOST_ITEMS, MOST_CHARACTERS = 40, 100_000, 1_000_000
"""Bounds of an observed value: levels of nesting, items of each list or object, characters of each text."""
MOST_KEYS, MOST_FACTS = 5_000, 250_000
"""Bounds of a cell as it is read: distinct keys and actors, and observations and steps."""
MOST_MESSAGES = 1_000_000
"""Messages of a role, at which the runner ends its cell."""
MOST_LINE_BYTES = 8 << 20
"""The longest message that a runner reads from a worker."""

_NOT_JSON = (UnicodeDecodeError, RecursionError)
"""Errors of a decoder beside its own: for a text that is not UTF-8, and for data nested too deeply."""

_encoder = msgspec.json.Encoder(enc_hook=str)


def encode_line(message: object) -> bytes:
    """Return a message as one JSON line with its newline. Values and characters that JSON lacks become their text."""
    try:
        return _encoder.encode(message) + b"\n"
    except UnicodeEncodeError:  # halves of surrogate pairs, from a file name or a plugin
        return _encoder.encode(_encodable(msgspec.to_builtins(message, enc_hook=str))) + b"\n"


def bound_value(value: Any, depth: int = MOST_DEPTH) -> Any:
    """Return an observed value with everything beyond `MOST_DEPTH` levels, items and characters cut, and named.

    A value that is deeper than a decoder or a renderer can follow would make the whole run unreadable.
    """
    match value:
        case str() if len(value) > MOST_CHARACTERS:
            return f"{value[:MOST_CHARACTERS]}… (cut: {len(value):,} characters)"
        case list() | tuple() | dict() if depth == 0 and value:
            return f"… (cut: nested more than {MOST_DEPTH} levels)"
        case list() | tuple():
            kept = [bound_value(item, depth - 1) for item in value[:MOST_ITEMS]]
            return kept if len(value) <= MOST_ITEMS else [*kept, f"… (cut: {len(value):,} items)"]
        case dict():
            kept_items = {key: bound_value(item, depth - 1) for key, item in islice(value.items(), MOST_ITEMS)}
            return kept_items if len(value) <= MOST_ITEMS else kept_items | {"…": f"(cut: {len(value):,} items)"}
        case _:
            return value


def as_recorded(value: object) -> Any:
    """Return an observed value as it is read from a journal: plain JSON, in which `nan` is null."""
    return msgspec.json.decode(encode_line(value))


def _encodable(value: Any) -> Any:
    match value:
        case str():
            return value.encode(errors="replace").decode()
        case list() | tuple():
            return [_encodable(item) for item in value]
        case dict():
            return {_encodable(key): _encodable(item) for key, item in value.items()}
        case _:
            return value


def decode_line(line: bytes, kind: type[T] | Any) -> T | Any:
    """Return the message of a line.

    Raises:
        msgspec.DecodeError: the line is not JSON, or not a message of this kind.
    """
    try:
        return msgspec.json.decode(line, type=kind)
    except _NOT_JSON as exc:
        raise msgspec.DecodeError(str(exc)) from exc


def decode_journal_line(line: bytes) -> Any:
    """Return the `RunEvent` of a journal line.

    Raises:
        msgspec.DecodeError: the line is not one.
    """
    try:
        return _journal_decoder().decode(line)
    except _NOT_JSON as exc:
        raise msgspec.DecodeError(str(exc)) from exc


@cache
def _journal_decoder() -> msgspec.json.Decoder[Any]:
    """Return what reads a journal; to make it takes longer than to read a line, of which there may be many."""
    from harness.model.run import RunEvent

    return msgspec.json.Decoder(RunEvent)
