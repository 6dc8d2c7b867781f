"""Files of a run folder, which may come from anywhere: regular files only, no links, bounded."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

MOST_BYTES = 4 << 30
"""The largest file that is read whole."""
_MOST_NAMED_BYTES = 64 << 20


def read_regular(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """Return the content of a regular file, without following a link in its last component and without waiting.

    Raises:
        OSError: it cannot be opened, is a link, a pipe, a device or a socket, or is larger than `most_bytes`.
    """
    with open(open_regular(path, os.O_RDONLY), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > most_bytes:
            raise OSError(errno.EFBIG, f"it has {size:,} bytes, more than the {most_bytes:,} that are read")
        return file.read(size)  # with the bound as its argument it would take memory for the bound


def read_first_line(path: Path) -> bytes:
    """Return the first line of a regular file without reading the others, as `read_regular` does."""
    with open(open_regular(path, os.O_RDONLY), "rb") as file:
        return file.readline(MOST_BYTES).rstrip(b"\n")


def read_named(path: Path) -> str:
    """Return the text of a file that the user named: links are followed, and it must be regular and not too large.

    Raises:
        OSError: as `read_regular` does.
        UnicodeDecodeError: it is not UTF-8.
    """
    return read_regular(Path(os.path.realpath(path)), _MOST_NAMED_BYTES).decode()


def open_regular(path: Path, flags: int) -> int:
    """Return a descriptor of a regular file, as `read_regular` does."""
    try:
        fd = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as exc:
        if exc.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a symbolic link") from exc
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "it is not a regular file")
    os.set_blocking(fd, True)
    return fd


def make_plain_folder(path: Path) -> None:
    """Make a folder and the one above it, unless they are there.

    Raises:
        OSError: they cannot be made, or one of them is a link, behind which there may be anything.
    """
    for folder in (path.parent, path):
        folder.mkdir(parents=True, exist_ok=True)
        if folder.is_symlink():
            raise OSError(errno.ELOOP, f"{folder} is a symbolic link; put a folder in its place")


def open_fresh(path: Path) -> BinaryIO:
    """Open a file to be written, unbuffered, in the place of any that was there; a link is replaced, never followed."""
    path.unlink(missing_ok=True)
    return path.open("xb", buffering=0)


def replace_text(path: Path, text: str) -> None:
    """Write a file whole or not at all; a link at its name is replaced, never followed.

    Raises:
        OSError: the folder cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        # Values that a scenario observed may hold halves of surrogate pairs.
        draft.write_text(text, encoding="utf-8", errors="replace")
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink()
        raise
