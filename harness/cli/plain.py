"""Text of plugins, exceptions and journals on a terminal: nothing in it may move the cursor or hide."""

from __future__ import annotations

import errno
from collections.abc import Iterable

import click


def one_line(text: object) -> str:
    """Return text as one line of characters that can be seen."""
    return printable(" ".join(str(text).split()))


def say(text: str = "", *, err: bool = False) -> None:
    """Print lines that name what others brought, without control characters."""
    click.echo("\n".join(map(printable, text.split("\n"))), err=err)


def printable(line: str, instead: str = "") -> str:
    """Return a line without the characters that cannot be seen, or with something in their place."""
    return "".join(character if character.isprintable() else instead for character in line)


def name_some(names: Iterable[str], most: int) -> str:
    """Return names, each once, separated by commas; of many, how many more there are."""
    distinct = list(dict.fromkeys(names))
    more = len(distinct) - most
    return ", ".join(distinct) if more <= 0 else f"{', '.join(distinct[:most])} and {more} more"


def is_gone(exc: BaseException) -> bool:
    """Whether the reader of the output has gone: the pipe has no reader (`| head`), the terminal was closed."""
    return isinstance(exc, OSError) and exc.errno in (errno.EPIPE, errno.EIO)
