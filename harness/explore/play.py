"""Run one program on a runtime and check its waits, cancellations and errors.

A `Play` is one run of a program; a `Player` is one of its tasks. Resources (see `resources`) keep a ledger of the
effects of completed operations. When nothing can run any more, each wait is compared with that ledger: a task that
waits for a condition that already holds has lost its wake-up, and a program whose waits are justified has come to rest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Protocol

from harness.api import Idle, Runtime

from .clauses import Clause
from .program import Operations, Program

Perform = Callable[["Player", Any], Awaitable[None]]
"""Does one operation of a task."""
Trace = Callable[[str, str], None]
"""Takes the name of a task and its action."""
_JUST = 0.02
"""Seconds after a deadline within which its block has ended, on the real clock."""
_SLACK = 1e-6
"""Seconds by which a clock may be off: a virtual one is moved by a nanosecond more than it was asked to."""


class ProgramFailure(Exception):
    """Raised by the operation `fail`."""


class Model(Protocol):
    """What tasks can wait for, seen through the operations that have completed."""

    def find_breach(self, what: str) -> tuple[Clause, str] | None:
        """Return why a task must not wait for this when nothing else can run."""

    def is_interruptible(self, what: str) -> bool:
        """Return whether a cancellation must end this wait."""


class Entry:
    """A scope or a group that a task is in, and those around it."""

    __slots__ = ("aborted", "around", "cancelled", "deadline")

    def __init__(self, around: Entry | None = None, deadline: float | None = None) -> None:
        self.around = around
        self.deadline = deadline
        self.cancelled = False
        self.aborted = False
        """Whether a task of the group has failed: then the others may be cancelled, or not."""


class Block:
    """A task group of the program and its tasks."""

    __slots__ = ("children", "entry", "native")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.native: Any = None
        self.children: list[Player] = []

    def find_breach(self, what: str) -> tuple[Clause, str] | None:
        """A group whose tasks have all ended ends."""
        del what
        if any(not child.is_over for child in self.children):
            return None
        return Clause.LOST_WAKE_UP, "the block of a group is not left although each of its tasks has ended"

    def is_interruptible(self, what: str) -> bool:
        """Its tasks are cancelled, and accused themselves."""
        del what
        return False


class Turn:
    """Model of the wait in a checkpoint or a sleep, which needs no event."""

    is_timed = True
    """Whether the wait ends by itself after a time."""

    def find_breach(self, what: str) -> tuple[Clause, str] | None:
        """It ends by itself."""
        return Clause.LOST_WAKE_UP, f"a {what} does not return although nothing else runs"

    def is_interruptible(self, what: str) -> bool:
        """It is."""
        del what
        return True


TURN = Turn()


class Player:
    """One task of a program."""

    __slots__ = (
        "block",
        "called",
        "closed",
        "done",
        "ended",
        "entry",
        "name",
        "operations",
        "parent",
        "play",
        "root",
        "scope",
        "senders",
        "spawned",
        "started",
        "wait",
    )

    def __init__(
        self,
        play: Play,
        name: str,
        operations: Operations,
        entry: Entry,
        block: Block | None = None,
        parent: Player | None = None,
    ) -> None:
        self.parent = parent
        self.play = play
        self.name = name
        self.operations = operations
        self.entry = self.root = entry
        self.block = block
        self.scope: Any = None
        """Around all of it, where the program cancels the task; `root` is its entry."""
        self.senders: dict[int, Any] = {}
        self.closed: set[int] = set()
        """Channels whose sender was closed."""
        self.spawned = 0
        self.called = False
        """Whether its parent waits for it in a call: then what cancels the parent reaches it."""
        self.started = self.ended = False
        self.wait: tuple[Model, str] | None = None
        self.done: list[str] = []
        """What its operations came to, for the final state."""

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or never began because its group was cancelled."""
        return self.ended or (not self.started and self.is_cancelled(aborted=True))

    async def main(self) -> None:
        """Run the operations; what must not leave them is a breach."""
        self.started = True
        try:
            if self.scope is None:
                await self.run(self.operations)
            else:
                async with self.scope:
                    await self.run(self.operations)
        except ProgramFailure:
            self.done.append("failed")
            raise
        except BaseException as exc:
            self.wait = None
            if self._is_cancellation(exc):
                self.done.append("cancelled")
                raise
            is_memory = any(isinstance(each, MemoryError) for each in leaves_of(exc))
            clause = Clause.MEMORY if is_memory else Clause.UNEXPECTED_ERROR
            self.play.breach(clause, f"{self.name} got {_describe(exc)}")
            self.done.append("error")
        finally:
            self.ended = True

    async def run(self, operations: Operations) -> None:
        """Do operations one after the other."""
        perform = self.play.perform
        trace = self.play.trace
        for operation in operations:
            if trace is not None:
                await _traced(self, operation, trace)
            else:
                await perform[operation.name](self, operation)
            self.play.steps += 1

    def _is_cancellation(self, exc: BaseException) -> bool:
        """Return whether only a cancellation leaves the task, perhaps beside failures; note one without a cause."""
        leaves = list(leaves_of(exc))
        others = [each for each in leaves if not self.play.runtime.is_cancelled(each)]
        if any(not isinstance(each, ProgramFailure) for each in others):
            return False
        if len(others) < len(leaves) and not self.play.ending and not self.is_cancelled(aborted=True):
            self.play.breach(Clause.CANCELLATION_STRAY, f"{self.name} is cancelled although no scope around it was")
        return True

    def is_cancelled(self, *, aborted: bool = False) -> bool:
        """Return whether a scope around it is cancelled or late; with `aborted`, or whether a group around it fails."""
        entry: Entry | None = self.entry
        now = self.play.runtime.now()
        while entry is not None:
            if entry.cancelled or (entry.deadline is not None and entry.deadline <= now + _SLACK):
                return True
            if aborted and entry.aborted:
                return True
            entry = entry.around
        return False

    def has_deadline(self, now: float) -> bool:
        """Return whether a deadline around it has not passed, or has just passed."""
        entry: Entry | None = self.entry
        while entry is not None:
            if entry.deadline is not None and now < entry.deadline + _JUST:
                return True
            entry = entry.around
        return False

    def find_breach(self) -> tuple[Clause, str] | None:
        """Return the clause that this task breaks when nothing can run any more."""
        if self.ended:
            return None
        if not self.started:
            return None if self.is_cancelled(aborted=True) else (Clause.TASK_MISSING, f"{self.name} never ran")
        if self.wait is None:
            return Clause.LOST_WAKE_UP, f"{self.name} waits although its operation needs no wait"
        model, what = self.wait
        if found := model.find_breach(what):
            return found[0], f"{self.name}: {found[1]}"
        if model.is_interruptible(what):
            return self._find_lost_cancellation(what)
        return None

    def _find_lost_cancellation(self, what: str) -> tuple[Clause, str] | None:
        now = self.play.runtime.now()
        for entry in self.reaching():
            if entry.cancelled:
                return Clause.CANCELLATION_LOST, f"{self.name} still waits in {what} although its scope was cancelled"
            if entry.deadline is not None and entry.deadline <= now + _SLACK:
                return Clause.DEADLINE_MISSED, f"{self.name} still waits in {what} although its deadline has passed"
        return None

    def reaching(self) -> Iterator[Entry]:
        """Yield the scopes whose cancellation must have reached this task by now.

        A cancellation from around a group reaches its tasks at the latest when the parent leaves the block; while the
        parent itself waits for something else, it has to answer for that.
        """
        entry: Entry | None = self.entry
        while entry is not None:
            yield entry
            entry = None if entry is self.root else entry.around
        if self.parent is None:
            yield self.play.everything
        elif self.called or (self.parent.wait is not None and self.parent.wait[0] is self.block):
            if self.block is not None:
                yield self.block.entry
            yield from self.parent.reaching()


class Play:
    """One run of a program on a runtime."""

    def __init__(self, program: Program, kinds: Mapping[str, Any], perform: Mapping[str, Perform], unit: float) -> None:
        self.program = program
        self.perform = perform
        self.unit = unit
        """Seconds of a time unit of the program."""
        self.found: tuple[Clause, str] | None = None
        """The first breach; those that follow may be its consequences."""
        self.everything = Entry()
        """Around all tasks: cancelled when the program has come to rest."""
        self.steps = 0
        self.stage = "start"
        self.failures: set[ProgramFailure] = set()
        """Raised, and not yet seen again."""
        self.runtime: Runtime
        self.idle: Idle
        self.players: list[Player] = []
        """Every task, those of groups behind the others."""
        self.trace: Trace | None = None
        """Takes each step of each task, of a program that is run to be looked at."""
        self._kinds = kinds
        self.models: list[Any] = []

    @property
    def ending(self) -> bool:
        """Whether the program has come to rest and everything is cancelled."""
        return self.everything.cancelled

    def breach(self, clause: Clause, detail: str) -> None:
        """Note that a clause is broken."""
        if self.found is None:
            self.found = clause, detail

    def unhandled(self, exc: BaseException | None, context: str) -> None:
        """Take a report of the runtime: a reported failure is not lost, any other report is unexpected."""
        failures = list(leaves_of(exc)) if exc is not None else []
        if failures and all(isinstance(each, ProgramFailure) for each in failures):
            self.failures.difference_update(failures)
        elif not self.ending and self.stage != "over":
            self.breach(Clause.UNEXPECTED_ERROR, f"reported as unhandled: {context}: {_describe(exc)}")

    async def main(self, runtime: Runtime, idle: Idle) -> None:
        """Run the tasks until nothing can run, judge that state, cancel the remaining tasks and check the leftovers."""
        self.runtime, self.idle = runtime, idle
        self.players = [Player(self, f"task {i}", task, Entry()) for i, task in enumerate(self.program.tasks)]
        for index in {each.target for each in _cancels(self.program)}:
            self.players[index].scope = runtime.open_cancel_scope()
        self.models = [self._kinds[each.kind](self, index, each) for index, each in enumerate(self.program.resources)]
        for model in self.models:
            await model.open()
        self.stage = "run"
        async with runtime.open_task_group() as group:
            for player in tuple(self.players):
                await group.spawn(player.main, name=player.name)
            await idle()
            self._judge_rest()
            self.everything.cancelled = True
            await group.cancel()
        self._judge_end()
        for index, model in enumerate(self.models):
            self.stage = f"look at resource {index}"
            await model.look()
        self.stage = "over"
        if self.failures:
            self.breach(Clause.ERROR_LOST, f"{len(self.failures)} of the errors raised by tasks were not delivered")

    def _judge_rest(self) -> None:
        for player in self.players:
            if found := player.find_breach():
                self.breach(*found)

    def _judge_end(self) -> None:
        for player in self.players:
            if player.started and not player.ended:
                self.breach(Clause.GROUP_OUTLIVED, f"{player.name} runs on behind the end of its group")

    def judge_stuck(self) -> None:
        """Judge that nothing can run although the program is not over."""
        if self.stage == "run" and not self.ending:
            self.breach(Clause.LOST_WAKE_UP, "the group of all tasks neither ends nor comes to rest")
        elif self.stage == "run":
            self._judge_rest()
            if all(player.is_over for player in self.players):
                self.breach(Clause.LOST_WAKE_UP, "every task has ended, and the group of all tasks has not")
        else:
            self.breach(Clause.PERMIT_LOST, f"nothing can run any more ({self.stage})")

    def activity(self) -> tuple[int, bool]:
        """Return how many steps were done, and whether a task waits for time or turns."""
        now = self.runtime.now()
        live = [player for player in self.players if player.started and not player.ended]
        is_timed = any(
            player.wait is None or getattr(player.wait[0], "is_timed", False) or player.has_deadline(now)
            for player in live
        )
        return self.steps, is_timed or len(live) < sum(not player.is_over for player in self.players)

    def final_state(self) -> str:
        """Return the final state of the tasks, as text that is the same for equal states."""
        parts = ([*player.done, *([] if player.ended else ["waits"])] for player in self.players)
        return " / ".join(", ".join(part) or "nothing" for part in parts)


async def _traced(player: Player, operation: Any, trace: Trace) -> None:
    what = f"{operation.name} {operation.target}"
    trace(player.name, f"begins {what}")
    try:
        await player.play.perform[operation.name](player, operation)
    except BaseException as exc:
        trace(player.name, f"leaves {what}: {_describe(exc)}")
        raise
    trace(player.name, f"ends {what}")


def _cancels(program: Program) -> Iterator[Any]:
    from .program import walk

    for task in program.tasks:
        for operation in walk(task):
            if operation.name == "cancel":
                yield operation


def leaves_of(exc: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions that a group holds, or the exception itself."""
    if isinstance(exc, BaseExceptionGroup):
        for each in exc.exceptions:
            yield from leaves_of(each)
    else:
        yield exc


def split_failures(exc: BaseException) -> tuple[set[ProgramFailure], BaseException | None]:
    """Return the failures that an exception contains, and the rest of the exception.

    A failure that another exception has replaced while it was on its way is in that one's context, and is shown.
    """
    shown = {each for leaf in leaves_of(exc) for each in _context_of(leaf) if isinstance(each, ProgramFailure)}
    if isinstance(exc, ProgramFailure):
        return shown, None
    if isinstance(exc, BaseExceptionGroup):
        return shown, exc.split(ProgramFailure)[1]
    return shown, exc


def _context_of(exc: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    each: BaseException | None = exc
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__


def _describe(exc: BaseException | None) -> str:
    if exc is None:
        return "no exception"
    leaves = ", ".join(f"{type(each).__name__}: {each}".strip(": ") for each in leaves_of(exc))
    return leaves[:300]
