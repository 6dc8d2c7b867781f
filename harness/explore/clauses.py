"""The clauses of the contract that a program is checked against: each is an observation key of an exploration."""

from __future__ import annotations

from enum import StrEnum

from harness.api import Harm


class Clause(StrEnum):
    """Part of the contract that a failing program breaks."""

    EXCLUSION = "too many holders"
    PERMIT_LOST = "permits lost"
    LOST_WAKE_UP = "lost wake-ups"
    EARLY_WAKE_UP = "wake-ups without a cause"
    ITEM_LOST = "items lost"
    ITEM_DOUBLED = "items received twice"
    ITEM_INVENTED = "items of no completed send"
    ITEM_ORDER = "items out of order"
    CAPACITY = "items beyond the capacity"
    END_MISSED = "ends of channel missed"
    CANCELLATION_LOST = "cancellations lost"
    CANCELLATION_STRAY = "cancellations that were not requested"
    GROUP_OUTLIVED = "tasks that outlive their group"
    TASK_MISSING = "tasks that never ran"
    ERROR_LOST = "errors lost"
    DEADLINE_EARLY = "deadlines that fired early"
    DEADLINE_MISSED = "deadlines missed"
    TIMEOUT_HIDDEN = "time-outs that are not reported"
    RESULT_WRONG = "results of calls mixed up"
    UNEXPECTED_ERROR = "unexpected errors"
    RUNTIME_FAILED = "failures of the runtime itself"
    LEAK = "leaks"
    HANG = "hangs"
    CRASH = "crashes"
    MEMORY = "memory limits exceeded"


REASONS: dict[Clause, str] = {
    Clause.EXCLUSION: "a lock has one holder, a semaphore at most as many as it has permits",
    Clause.PERMIT_LOST: "when no task is left, every permit can be acquired again",
    Clause.LOST_WAKE_UP: "no task waits for a condition that is already true while nothing else can run",
    Clause.EARLY_WAKE_UP: "a wait ends only when its condition has come true",
    Clause.ITEM_LOST: "an item whose send has returned is received, or still in the channel",
    Clause.ITEM_DOUBLED: "each item reaches one receiver",
    Clause.ITEM_INVENTED: "a cancelled send has sent nothing",
    Clause.ITEM_ORDER: "a channel is FIFO per sender",
    Clause.CAPACITY: "a channel holds no more items than its capacity",
    Clause.END_MISSED: "receivers get the end of the channel after the last sender has closed, and not before",
    Clause.CANCELLATION_LOST: "a cancellation reaches every wait in its scope",
    Clause.CANCELLATION_STRAY: "only an operation that was cancelled, or timed out, is cancelled",
    Clause.GROUP_OUTLIVED: "the block of a group does not end before its tasks have",
    Clause.TASK_MISSING: "a task that was spawned runs, unless its group was cancelled",
    Clause.ERROR_LOST: "an error of a task is raised by its group, or reported as unhandled",
    Clause.DEADLINE_EARLY: "a scope or a sleep does not end before its time",
    Clause.DEADLINE_MISSED: "a scope ends at its deadline",
    Clause.TIMEOUT_HIDDEN: "a block that its deadline has cut short says so",
    Clause.RESULT_WRONG: "a call in a thread returns its own result, or raises its own error",
    Clause.UNEXPECTED_ERROR: "an operation raises nothing that the contract does not name",
    Clause.RUNTIME_FAILED: "no program brings the runtime itself down",
    Clause.LEAK: "nothing outlives a program",
    Clause.HANG: "a program ends, or comes to rest",
    Clause.CRASH: "the process survives",
    Clause.MEMORY: "a program of a few tasks needs little memory",
}
"""By clause, the sentence of the contract."""

HARMS: dict[Clause, Harm] = {
    Clause.EXCLUSION: Harm.DATA,
    Clause.ITEM_LOST: Harm.DATA,
    Clause.ITEM_DOUBLED: Harm.DATA,
    Clause.ITEM_INVENTED: Harm.DATA,
    Clause.RESULT_WRONG: Harm.DATA,
    Clause.PERMIT_LOST: Harm.HANG,
    Clause.LOST_WAKE_UP: Harm.HANG,
    Clause.END_MISSED: Harm.HANG,
    Clause.CANCELLATION_LOST: Harm.HANG,
    Clause.DEADLINE_MISSED: Harm.HANG,
    Clause.HANG: Harm.HANG,
    Clause.RUNTIME_FAILED: Harm.CRASH,
    Clause.CRASH: Harm.CRASH,
    Clause.GROUP_OUTLIVED: Harm.LEAK,
    Clause.LEAK: Harm.LEAK,
    Clause.UNEXPECTED_ERROR: Harm.ERROR,
    Clause.ERROR_LOST: Harm.ERROR,
}
"""By clause, what breaking it costs a program; the others are wrong answers."""
