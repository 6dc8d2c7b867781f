"""Text of plugins, exceptions and journals on a terminal: nothing in it may move the cursor or hide."""

from __future__ import annotations

import errno

import click


def one_line(text: object) -> str:
    """Return text as one line of characters that can be seen."""
    return "".join(character for character in " ".join(str(text).split()) if character.isprintable())


def say(text: str = "", *, err: bool = False) -> None:
    """Print lines that name what others brought, without control characters."""
    click.echo("\n".join(map(_plain, text.split("\n"))), err=err)


def _plain(line: str) -> str:
    return "".join(character for character in line if character.isprintable())


def is_gone(exc: BaseException) -> bool:
    """Whether it says that nobody reads what we print: the pipe has no reader (`| head`), the terminal was closed."""
    return isinstance(exc, OSError) and exc.errno in (errno.EPIPE, errno.EIO)
