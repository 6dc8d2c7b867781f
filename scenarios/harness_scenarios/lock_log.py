"""Who was inside a lock with whom, and who overtook whom: read in a log that the tasks wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

_ASK, _ENTER, _LEAVE = range(3)
_EVENTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a log says.

    `waits` has for each acquisition that was asked for how many others happened meanwhile, `overtaken` how many tasks
    had asked earlier and still waited.
    """

    heaviest: int
    most_holders: int
    waits: tuple[int, ...]
    overtaken: tuple[int, ...]


def make_codes(index: int) -> tuple[int, int, int]:
    """Return what a task writes when it asks, when it is inside, and before it leaves.

    One number for each event, so that a list takes it in one atomic step.
    """
    return _EVENTS * index + _ASK, _EVENTS * index + _ENTER, _EVENTS * index + _LEAVE


def read_log(log: Iterable[int], weigh: Callable[[int], int]) -> Account:
    """Read who was inside together and who waited.

    Args:
        log: Codes of tasks, in the order in which they were written. A task that comes back from a wait enters
            without having asked.
        weigh: How much of the room a task takes.
    """
    asked: dict[int, int] = {}  # in the order of asking, with the number of acquisitions until then
    inside: dict[int, int] = {}
    waits: list[int] = []
    overtaken: list[int] = []
    acquisitions = heaviest = most_holders = 0
    for code in log:
        index, event = divmod(code, _EVENTS)
        if event == _ASK:
            asked[index] = acquisitions
        elif event == _LEAVE:
            inside.pop(index, None)
        else:
            inside[index] = weigh(index)
            heaviest = max(heaviest, sum(inside.values()))
            most_holders = max(most_holders, len(inside))
            if index in asked:
                overtaken.append(_find_place(index, asked))
                waits.append(acquisitions - asked.pop(index))
            acquisitions += 1
    return Account(heaviest=heaviest, most_holders=most_holders, waits=tuple(waits), overtaken=tuple(overtaken))


def _find_place(index: int, queue: Iterable[int]) -> int:
    return next(place for place, waiting in enumerate(queue) if waiting == index)
