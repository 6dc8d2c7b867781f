"""The grammar: what operations there are, what each needs and may raise, and which clause of the contract it exercises.

`RULES` is the table. A family is a choice of them with weights; a plugin makes a family of its own with `Grammar`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.api import Capability, ErrorKind

from . import operations as do
from . import streams
from .play import Perform
from .program import Operation, walk
from .resources import KINDS, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One operation."""

    name: str
    perform: Perform
    clause: str
    """Sentence of the contract that it exercises."""
    needs: str = ""
    """Kind of the resource that it works on; `task` for another task of the program."""
    inside: str = ""
    """Only while the task holds a resource of this kind, and on that resource; `group` for inside a task group."""
    raises: tuple[ErrorKind, ...] = ()
    """Errors that it may raise in addition to a cancellation."""
    amounts: tuple[int, ...] = (0,)
    """Values that its amount may take."""
    is_block: bool = False
    """Whether it has a body."""
    has_children: bool = False
    """Whether it starts tasks."""
    holds: bool = False
    """Whether the task has the resource to itself during the body."""
    waits: bool = False
    """Whether it may wait for another task: not allowed where nothing may be awaited (`is_bounded`)."""
    is_bounded: bool = False
    """Whether nothing in its body may wait for another task."""
    in_other_task: bool = False
    """Whether another task may do its body, which then holds nothing and is in no group of this one."""
    requires: tuple[Capability, ...] = ()


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        # --- turns and time ---
        Rule(name="checkpoint", perform=do.checkpoint, clause="a checkpoint returns", amounts=(1, 1, 2, 3)),
        Rule(name="sleep", perform=do.sleep, clause="a sleep takes its time", amounts=(1, 1, 2, 3)),
        # --- locks, semaphores, conditions ---
        Rule(
            name="hold",
            perform=do.hold,
            clause="mutual exclusion; no permit is lost",
            needs="lock",
            is_block=True,
            holds=True,
            waits=True,
        ),
        Rule(
            name="permit",
            perform=do.hold,
            clause="at most n holders; no permit is lost",
            needs="semaphore",
            is_block=True,
            waits=True,
        ),
        Rule(
            name="enter",
            perform=do.hold,
            clause="the lock is held after a wait, however it ends",
            needs="condition",
            is_block=True,
            holds=True,
            waits=True,
        ),
        Rule(
            name="take",
            perform=do.take,
            clause="no notification is lost",
            inside="condition",
            waits=True,
        ),
        Rule(name="put", perform=do.put, clause="a notification wakes a waiter", inside="condition", amounts=(1, 1, 2)),
        Rule(name="put-all", perform=do.put_all, clause="everyone is notified", inside="condition", amounts=(1, 2, 3)),
        # --- events ---
        Rule(name="set", perform=do.set_event, clause="setting an event wakes every waiter", needs="event"),
        Rule(name="wait", perform=do.wait_event, clause="a wait ends when the event is set", needs="event", waits=True),
        # --- channels ---
        Rule(
            name="send",
            perform=do.send,
            clause="FIFO per sender; a cancelled send has sent nothing",
            needs="channel",
            waits=True,
            raises=(ErrorKind.CLOSED,),
        ),
        Rule(
            name="send-clone",
            perform=do.send_clone,
            clause="the channel ends when all senders are closed",
            needs="channel",
            waits=True,
            raises=(ErrorKind.CLOSED,),
        ),
        Rule(
            name="receive",
            perform=do.receive,
            clause="each item reaches one receiver; a cancelled receive takes none",
            needs="channel",
            waits=True,
            raises=(ErrorKind.END_OF_CHANNEL,),
        ),
        Rule(name="close", perform=do.close, clause="the last close ends the receivers", needs="channel"),
        Rule(
            name="close-other",
            perform=do.close_other,
            clause="a send that is closed while it waits has sent nothing",
            needs="channel",
            amounts=(1, 2),
        ),
        # --- cancellation, deadlines, groups ---
        Rule(
            name="cancel",
            perform=do.cancel,
            clause="a cancellation reaches every wait in its scope",
            needs="task",
            requires=(Capability.CANCEL_SCOPE,),
        ),
        Rule(
            name="deadline",
            perform=do.deadline,
            clause="a scope ends at its deadline, and not before",
            is_block=True,
            amounts=(1, 2, 3),
            requires=(Capability.DEADLINE,),
        ),
        Rule(
            name="until",
            perform=do.until,
            clause="nested scopes end at their own deadlines",
            is_block=True,
            amounts=(1, 2, 3),
            requires=(Capability.CANCEL_SCOPE, Capability.DEADLINE),
        ),
        Rule(
            name="call",
            perform=do.call,
            clause="a call with a time-out loses neither result nor cancellation",
            is_block=True,
            in_other_task=True,
            amounts=(1, 2, 3),
        ),
        Rule(
            name="fail-after",
            perform=do.fail_after,
            clause="a block that is late raises",
            is_block=True,
            amounts=(1, 2, 3),
            requires=(Capability.DEADLINE,),
        ),
        Rule(
            name="group",
            perform=do.group,
            clause="a group ends when its tasks have (join); no error is lost",
            is_block=True,
            has_children=True,
            waits=True,
        ),
        Rule(
            name="cancel-group",
            perform=do.cancel_group,
            clause="cancelling a group ends its tasks",
            inside="group",
            requires=(Capability.GROUP_CANCEL,),
        ),
        Rule(
            name="offload",
            perform=do.offload,
            clause="a call in a thread returns its result, and other tasks run meanwhile",
            amounts=(0, 1, 1, 2),
            requires=(Capability.THREAD,),
        ),
        Rule(
            name="offload-failing",
            perform=do.offload_failing,
            clause="a call in a thread raises its error",
            amounts=(0, 1),
            requires=(Capability.THREAD,),
        ),
        # --- streams ---
        Rule(
            name="send-bytes",
            perform=streams.send_bytes,
            clause="bytes arrive once, and in order",
            needs="stream",
            amounts=(1, 2, 3, 4),
            waits=True,
            raises=(ErrorKind.BROKEN,),
        ),
        Rule(
            name="receive-bytes",
            perform=streams.receive_bytes,
            clause="a receiver is woken by bytes and by the end; a cancelled receive takes none",
            needs="stream",
            amounts=(1, 2),
            waits=True,
            raises=(ErrorKind.BROKEN,),
        ),
        Rule(
            name="end-stream",
            perform=streams.end_stream,
            clause="the peer gets the end behind all bytes",
            needs="stream",
            amounts=(1, 2),
        ),
        Rule(
            name="close-stream",
            perform=streams.close_stream,
            clause="a close loses no byte that the system has",
            needs="stream",
            amounts=(1, 2),
        ),
        Rule(name="fail", perform=do.fail, clause="an error of a task is not lost", inside="group"),
        Rule(
            name="shield",
            perform=do.shield,
            clause="a shielded operation runs to its end",
            is_block=True,
            is_bounded=True,
            in_other_task=True,
        ),
    )
}
"""By name. Any rule that is listed here can be part of a family."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """A family of programs: which resources they share, and how often each operation occurs.

    A plugin adds operations with `rules` and kinds of resources with `kinds`; both are beside the built-in ones.
    """

    resources: tuple[tuple[str, tuple[int, ...]], ...]
    """Kind and possible sizes of each resource that a program has; `-1` is an unbounded channel."""
    weights: Mapping[str, int]
    """By operation, how often it occurs in comparison with the others."""
    phrases: tuple[tuple[int, Operation], ...] = ()
    """Blocks that belong together, each with its weight; targets and amounts are chosen as for single operations."""
    rules: Mapping[str, Rule] = field(default_factory=dict)
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    catches: tuple[str, ...] = ()
    """Faults of saboteurs that its programs must find."""
    tasks: tuple[int, int] = (2, 5)
    """Fewest and most tasks."""
    length: int = 3
    """Most operations of a task at its top level."""
    real_clock: bool = False
    """Whether its operations need threads or descriptors, so that its programs run on the unmodified runtime."""

    def all_rules(self) -> dict[str, Rule]:
        """Return the built-in rules and its own."""
        return {**RULES, **self.rules}

    def all_kinds(self) -> dict[str, Kind]:
        """Return the built-in kinds and its own."""
        return {**KINDS, "stream": streams.StreamPair, **self.kinds}

    def performs(self) -> dict[str, Perform]:
        """Return what each operation does, by name."""
        return {name: rule.perform for name, rule in self.all_rules().items()}

    @property
    def requires(self) -> tuple[Capability, ...]:
        """The capabilities that its operations need."""
        rules = self.all_rules()
        phrases = (each.name for _, phrase in self.phrases for each in walk((phrase,)))
        return tuple(dict.fromkeys(need for name in (*self.weights, *phrases) for need in rules[name].requires))
