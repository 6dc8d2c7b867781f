"""What follows from the calls in the code of a question: its prerequisites, and the idioms that it is asked on."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from types import CodeType, FunctionType
from typing import Any

_PACKAGE = __name__.partition(".")[0]
_FOUNDATIONS = {
    "create_event": "lock.event-wakes-every-waiter",
    "open_channel": "channel.crowds-of-both-ends",
    "accept": "stream.sizes-both-ways",
    "connect": "stream.sizes-both-ways",
    "run_in_thread": "offload.others-run",
    "start_process": "process.exit-codes",
    "start_server": "server.handler-returns",
}
"""Call of the runtime → the question that shows that it works. A question here needs those above its own only."""


_COLUMNS = {
    "spawn": ("asyncio:eager=true", "uvloop:eager=true"),
    "listen": ("asyncio:io=sock", "uvloop:io=sock"),
    "Link": ("asyncio:io=sock", "uvloop:io=sock"),
}
"""Call of the runtime, or what makes it → idioms by which a program makes it, of which each is a column."""


_CHAPTERS = frozenset({"tls_of", "unix_of", "names_of", "datagrams_of"})
"""Chapters with sockets of their own: their questions name the idioms that matter there."""


def find_calls(ask: Callable[..., Any]) -> frozenset[str]:
    """Return the names that a question uses, in its own code and in functions and classes of this package."""
    return frozenset(_list_names(ask, set()))


def find_prerequisites(name: str, calls: Container[str]) -> tuple[str, ...]:
    """Return the questions that show that the calls of a question work."""
    above = list(dict.fromkeys(_FOUNDATIONS.values()))
    if name in above:
        above = above[: above.index(name)]
    needed = (question for call, question in _FOUNDATIONS.items() if call in calls and question in above)
    return tuple(dict.fromkeys(needed))


def list_columns(calls: frozenset[str]) -> tuple[str, ...]:
    """Return the variants that a question is asked on because of its calls."""
    asked = ((call, specs) for call, specs in _COLUMNS.items() if call in calls)
    is_chapter = not _CHAPTERS.isdisjoint(calls)
    return tuple(dict.fromkeys(spec for call, specs in asked if call == "spawn" or not is_chapter for spec in specs))


def _list_names(thing: object, seen: set[int]) -> Iterator[str]:
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, FunctionType):
        names = set(_list_names_in(thing.__code__))
        yield from names
        cells = (cell.cell_contents for cell in thing.__closure__ or ())
        for other in (*(thing.__globals__.get(name) for name in names), *cells):
            yield from _list_names(other, seen)
    elif isinstance(thing, type) and thing.__module__.startswith(_PACKAGE):
        for member in vars(thing).values():
            yield from _list_names(member, seen)


def _list_names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _list_names_in(constant)
