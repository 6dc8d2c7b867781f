"""Overlapping holders of a lock and overtaken waiters, found in a log that the tasks wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

_ASK, _ENTER, _LEAVE = range(3)
_EVENTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Evaluation of a log.

    `waits` holds, for each requested acquisition, the number of other acquisitions meanwhile; `overtaken` the number
    of those by tasks that had asked later.
    """

    heaviest: int
    most_holders: int
    waits: tuple[int, ...]
    overtaken: tuple[int, ...]


def make_codes(index: int) -> tuple[int, int, int]:
    """Return the codes that a task writes when it asks, when it is inside, and before it leaves.

    One number for each event, so that a list takes it in one atomic step.
    """
    return _EVENTS * index + _ASK, _EVENTS * index + _ENTER, _EVENTS * index + _LEAVE


def read_log(log: Iterable[int], weigh: Callable[[int], int]) -> Account:
    """Find overlapping holders and the waits of tasks.

    Args:
        log: Codes of tasks, in the order in which they were written. A task that comes back from a wait enters
            without having asked.
        weigh: How much of the room a task takes.
    """
    asked: dict[int, _Waiting] = {}  # in the order of asking
    inside: dict[int, int] = {}
    served: list[_Waiting] = []
    acquisitions = heaviest = most_holders = 0
    for code in log:
        index, event = divmod(code, _EVENTS)
        if event == _ASK:
            asked[index] = _Waiting(acquisitions)
        elif event == _LEAVE:
            inside.pop(index, None)
        else:
            inside[index] = weigh(index)
            heaviest = max(heaviest, sum(inside.values()))
            most_holders = max(most_holders, len(inside))
            if index in asked:
                served.append(_serve(index, asked, acquisitions))
            acquisitions += 1
    return Account(
        heaviest=heaviest,
        most_holders=most_holders,
        waits=tuple(waiting.others for waiting in served),
        overtaken=tuple(waiting.overtaken for waiting in served),
    )


class _Waiting:
    """One that waits: acquisitions by others, first those before it asked, and those of tasks that asked later."""

    __slots__ = ("others", "overtaken")

    def __init__(self, before: int) -> None:
        self.others = before
        self.overtaken = 0


def _serve(index: int, asked: dict[int, _Waiting], acquisitions: int) -> _Waiting:
    for ahead, waiting in asked.items():
        if ahead == index:
            break
        waiting.overtaken += 1
    served = asked.pop(index)
    served.others = acquisitions - served.others
    return served
